"""
Response times under each policy, for C{docs/howto/which-balancer.md}.

Without an option, L{simulated<benchmarks.balancersim>}: the same table on every machine.
With C{--real}, with L{real children<benchmarks.balancersreal>} and HAProxy beside them.
"""

from __future__ import annotations

import argparse

from benchmarks import balancersim


def main() -> None:
    """
    Print one table.
    """
    parser = argparse.ArgumentParser("python -m benchmarks.balancers")
    parser.add_argument("--real", action="store_true", help="real children, HAProxy beside them")
    if parser.parse_args().real:
        # Needs programs that the simulation doesn't.
        from benchmarks import balancersreal

        print(
            f"{balancersreal.ROUNDS} rounds of {balancersreal.SECONDS} s,"
            f" {balancersreal.CONNECTIONS} connections, one of {balancersreal.CHILDREN}"
            " children hogged; medians over the rounds\n"
        )
        for application in balancersreal.APPLICATIONS:
            print(f"{application}:\n\n{balancersreal.run(application)}\n", flush=True)
    else:
        print(
            f"{len(balancersim.SEEDS)} runs of {balancersim.DURATION:g} simulated seconds at"
            f" {balancersim.LOAD:.0%} of the capacity; medians over the runs\n"
        )
        print(balancersim.table())


if __name__ == "__main__":
    main()
