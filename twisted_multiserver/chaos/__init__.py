"""
Chaos for users: a bounded load on a running master while its children are killed, and a
table of what the clients saw::

    python -m twisted_multiserver chaos --app myapp:site --kill-every 2 --for 30

    command     the command line, and the order of things
    master      the master that is tried, started here or found by its pid
    clients     clients that keep their connections and ask at a steady pace
    faults      what is done to the children
    tally       what the clients saw, counted

Clients are twisted.web's own Agent, so that a fault of this project's reading of HTTP
can't hide itself.
"""
