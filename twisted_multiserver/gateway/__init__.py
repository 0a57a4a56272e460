"""
The gateway: carries requests to backends and responses to clients::

    plan              what to do next with an exchange: choose, send, wait, answer
    exchange          does what the plan says, for one request
    distribution      what all exchanges share: pool, policy, connections, the queue
    connections       the connections to one backend: idle ones, new ones
    dial              how a backend is reached: a child's UNIX socket, an endpoint
    upstream          one connection to a backend: bytes in, bytes out
    streams           the small stream under it
    transportstream   that stream on a Twisted transport
    sweep             deadlines without a timer for each
    answers           the short pages of answers that are our own
    webrequest        a twisted.web request as a neutral head and body
    webresponse       a response written to a twisted.web request
    resource          the IResource face, for any Site at any path

It never touches processes: that a child has died it learns from the pool.
"""
