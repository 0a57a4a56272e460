"""
The project's own chaos: what clients see of a master whose children are ended in all ways,
beside others that are treated alike.  C{make chaos}, or C{python -m chaos}::

    command         the command line, and the order of things
    tables, table   which rows there are, and how they look
    scenario        what is done, to whom, and how much is asked meanwhile
    course          one row: a server is started, loaded, hurt, and looked at

    kills, crashes, reloads, others     what is done

    pages           what is asked for, and what the answers must be
    clients         one client: reads strictly, and tells a response that ended from a cut one
    load            many of them, at a steady pace
    seen            what they saw, counted: a row, and what it must be
    record          what the application has executed, in SQLite

    served          the application, for twisted.web, WSGI and ASGI
    running         servers that are tried, as seen from here
    mastered        masters of this project; C{master} is their other side
    byhand          the same children without a master, kept alive as an init does
    haproxy         HAProxy in front of these
    peers           gunicorn, uvicorn, granian
    relay           a way to a server that resets connections

What users have for their own applications is L{twisted_multiserver.chaos}.
"""
