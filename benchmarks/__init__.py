"""
Benchmarks: each runs side by side with a named peer, alternating in one run.

    rounds          alternating rounds, medians of per-round ratios, CPU per request
    gateway         a master beside HAProxy, nginx, Caddy and ReverseProxyResource
                    (proxies, peers/, sidebyside, chart)
    growth          the same with many connections, and memory (idleconnections)
    childcore       a child's HTTP core beside twisted.web's HTTPChannel
    resourceface    multiserver.resource() beside twisted.web's ReverseProxyResource
    balancers       response times under each policy, simulated; with --real over real
                    children (balancersreal, balancersapp, balancersmaster), beside HAProxy
    choosing        what a choice costs, by the number of backends
    sessions        what sessions cost beside the drivers' raw calls, and what is lost beside
                    Flask-Session and Django (sessionstores, sessionrequests, sessionlosses)
    spawning        how long a spawn stalls the reactor

Run one with, say, C{python -m benchmarks.resourceface}.  Figures of different runs can't be
compared; only ratios within one run mean anything.
"""
