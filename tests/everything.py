"""
C{make test}: everything that must pass, one step after the other.

A step that fails doesn't keep the others from running.  The last line printed is
C{N passed, N failed, N skipped}; the exit status is 1 if anything failed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent

CHECKS: dict[str, list[list[str | Path]]] = {
    "lint": [[BIN / "ruff", "check", "."], [BIN / "ruff", "format", "--check", "."]],
    "types": [[BIN / "mypy"]],
    "import direction": [[BIN / "lint-imports", "--no-logo"]],
    "documentation": [[BIN / "sphinx-build", "-W", "--keep-going", "-q", "docs", "docs/_build"]],
}

_COUNT = re.compile(r"(\w+)=(\d+)")


def run(command: list[str | Path], environment: dict[str, str]) -> tuple[int, str]:
    """
    Run a command, showing what it prints.

    @param command: its command line.
    @param environment: all of it.
    @return: its exit status and what it printed.
    """
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        sys.stdout.write(line)
        sys.stdout.flush()
        lines.append(line)
    return process.wait(), "".join(lines)


def counts(output: str) -> tuple[int, int, int]:
    """
    Read trial's summary.

    @param output: all that trial printed.
    @return: how many passed, failed and were skipped; one failed if there is no
        summary.
    """
    summaries = re.findall(r"^(PASSED|FAILED)(?: \((.*)\))?$", output, re.MULTILINE)
    if not summaries:
        return 0, 1, 0
    found = {name: int(count) for name, count in _COUNT.findall(summaries[-1][1])}
    passed = found.get("successes", 0) + found.get("expectedFailures", 0)
    failed = sum(found.get(name, 0) for name in ("failures", "errors", "unexpectedSuccesses"))
    if summaries[-1][0] == "FAILED":
        failed = max(failed, 1)
    return passed, failed, found.get("skips", 0)


def main() -> int:
    """
    Run all steps.

    @return: the exit status.
    """
    environment = {**os.environ, "COVERAGE_FILE": str(ROOT / ".coverage")}
    environment["PATH"] = f"{BIN}{os.pathsep}{environment.get('PATH', '')}"
    failedSteps = []
    for name, commands in CHECKS.items():
        print(f"== {name}", flush=True)
        for command in commands:
            if run(command, environment)[0] != 0:
                failedSteps.append(name)
    print("== tests", flush=True)
    run([BIN / "coverage", "erase"], environment)
    jobs = str(os.cpu_count() or 2)
    trial: list[str | Path] = [
        sys.executable,
        "-m",
        "coverage",
        "run",
        "-m",
        "twisted.trial",
        "-j",
        jobs,
        "tests",
    ]
    status, output = run(trial, environment)
    passed, failed, skipped = counts(output)
    if status != 0 and not failed:
        failedSteps.append("tests")
    print("== chaos", flush=True)
    if run([sys.executable, "-m", "chaos", "--short"], environment)[0] != 0:
        failedSteps.append("chaos")
    print("== coverage", flush=True)
    run([BIN / "coverage", "combine", "--quiet"], environment)
    if run([BIN / "coverage", "report"], environment)[0] != 0:
        failedSteps.append("coverage")
    for name in failedSteps:
        print(f"failed: {name}")
    print(f"{passed} passed, {failed + len(failedSteps)} failed, {skipped} skipped", flush=True)
    return 1 if failed or failedSteps else 0


if __name__ == "__main__":
    sys.exit(main())
