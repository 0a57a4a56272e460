"""
The gateway: carries requests to backends and responses to clients::

    plan              what to do next with an exchange: choose, send, wait, answer
    circumstances     what plans look at beside the exchange: limits, suspects, budgets
    exchange          one request; choosing and sending do what its plan says
    distribution      what all exchanges share: pool, policy, connections
    queue             exchanges that wait; ejecting: backends that are out for a while
    connections       the connections to one backend: idle ones, new ones
    dial              how a backend is reached: a child's UNIX socket, an endpoint
    upstream          one connection to a backend: bytes in, bytes out
    serving           the fast face: connections of clients, given to one of these
    downstream        a client that speaks HTTP/1.1
    http2, http2*     one that speaks HTTP/2
    logged, access*   the access log
    body, tunnel      what follows a request, and what comes after an upgrade
    storedbody        a body that is whole before it goes on
    websocket*        a WebSocket, and where its frames end; tunnels: all of them
    webrequest        a twisted.web request as a neutral head and body
    webresponse       a response written to a twisted.web request
    resource          the IResource face, for any Site at any path
    site              the fast face as a Site

It never touches processes: that a child has died it learns from the pool.
"""
