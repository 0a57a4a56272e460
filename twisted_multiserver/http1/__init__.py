"""
HTTP/1.1 as pure decisions: bytes and neutral values in, neutral values out::

    grammar        pieces of expressions for heads
    names          fields by what happens to them
    heads          what a head is, once read, whichever way it came
    targets        request targets and hosts
    requests       judges a request's head; requestreader reads it
    responses      judges a response's head; responsereader reads all of it
    framing        how long a body is, and its chunked coding
    forwarding     what a backend gets of a request, a client of a response
    server         the server's side of a connection; connections, all of them
    answers        what we say ourselves

Nothing in here imports twisted or zope, does I/O, or knows who is asking.
Sources: RFC 9110 (semantics) and RFC 9112 (HTTP/1.1).
"""
