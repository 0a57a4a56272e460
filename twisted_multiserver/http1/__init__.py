"""
HTTP/1.1 as pure decisions: bytes and neutral values in, neutral values out::

    heads     what a message's head is, once read, whichever way it came
    fields    which fields may pass, in which direction, and what is added
    framing   how long a body is, and its chunked coding
    responses bytes of an upstream connection -> heads, body pieces, ends
    requests  a head -> the bytes that are sent upstream

Nothing in here imports twisted or zope, does I/O, or knows who is asking.
Sources: RFC 9110 (semantics) and RFC 9112 (HTTP/1.1).
"""
