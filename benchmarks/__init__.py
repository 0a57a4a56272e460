"""
Benchmarks: each runs side by side with a named peer, alternating in one run.

    rounds          alternating rounds, medians of per-round ratios, CPU per request
    resourceface    multiserver.resource() beside twisted.web's ReverseProxyResource

Run one with C{python -m benchmarks.resourceface}.  Figures of different runs can't be
compared; only ratios within one run mean anything.
"""
