"""
Balancing: who could take a request, and who takes it::

    _iloadbalancer    ILoadBalancer, IBackend, IRequestInfo: what a policy is
    policy            the same for type checkers
    outcomes          how an exchange can end, one enumeration for everybody
    statistics        what is counted of each backend
    backend           one address that requests can be forwarded to
    pool              all backends with their states
    request           what a policy may know of a request
    roundrobin        one policy a file, its rule and source in the head
    leastconnections
    names             --balancer: a policy by its name

The pool, the backends and the policies are pure: they decide, and leave every
connection to the gateway.
"""
