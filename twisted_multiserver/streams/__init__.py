"""
Connections as pairs of byte streams, and their deadlines::

    streams          what a user of a stream may ask of it, and is told
    socketstream     a stream on a plain socket, read and written by the poller
    poller           one epoll for all plain sockets
    polling          the poller as one reader of the reactor
    transportstream  a stream on a Twisted transport (TLS, wrappers, no epoll)
    adopting         makes the better of the two of a transport
    sweep            deadlines without a timer for each

The hot ones (C{socketstream}, C{poller}, C{sweep}) import neither twisted nor zope.
"""
