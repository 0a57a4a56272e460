"""
The application that is served, for twisted.web, WSGI and ASGI::

    orders      what a request wants, which is the same for all three
    web         twisted.web
    wsgi        WSGI
    asgi        ASGI

Its surroundings tell it what to do besides (environment variables): C{CHAOS_FOLDER} is where it
records what it executes, C{CHAOS_LEAK} how many KiB it leaks with each request,
C{CHAOS_CLOSE} lets it close each connection.
"""
