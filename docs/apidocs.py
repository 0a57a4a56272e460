"""
A Sphinx extension: builds the API reference with pydoctor into C{api/} of the manual and
makes each of its complaints a warning of Sphinx, so that C{-W} covers both.

Links to Python and to Twisted need inventories of their names.  They are made here from
what is installed, since the build may not depend on the network.
"""

from __future__ import annotations

import ast
import builtins
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "twisted_multiserver"

PYTHON = "https://docs.python.org/3"
TWISTED = "https://docs.twisted.org/en/stable/api"
ZOPE = "https://zopeinterface.readthedocs.io/en/latest"

# Of the standard library: the modules whose names docstrings link to.
STANDARD_LIBRARY = ("signal", "socket")

# pydoctor's parser of regular expressions is older than possessive quantifiers
# (Python 3.11); the expression is then shown without colours, and nothing is wrong.
HARMLESS = "Cannot colorize regular expression"

log = logging.getLogger(__name__)


def _pythonNames() -> Iterator[tuple[str, str]]:
    for name in dir(builtins):
        if not name.startswith("_"):
            page = "constants" if name in ("None", "True", "False") else "functions"
            yield name, f"library/{page}.html#{name}"
    for module in STANDARD_LIBRARY:
        for name in dir(__import__(module)):
            yield f"{module}.{name}", f"library/{module}.html#{module}.{name}"


def _packageNames(package: str) -> Iterator[tuple[str, str]]:
    """
    The classes and functions of an installed package, read without importing it.
    """
    (folder,) = __import__(package, fromlist=["x"]).__path__[:1]
    for file in sorted(Path(folder).rglob("*.py")):
        parts = file.relative_to(folder).with_suffix("").parts
        if {"test", "tests", "newsfragments"} & set(parts):
            continue
        module = ".".join([package, *(part for part in parts if part != "__init__")])
        yield module, f"{module}.html"
        for node in ast.parse(file.read_bytes()).body:
            if isinstance(node, ast.ClassDef):
                name = f"{module}.{node.name}"
                yield name, f"{name}.html"
                for inner in node.body:
                    if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef):
                        yield f"{name}.{inner.name}", f"{name}.html#{inner.name}"
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{module}.{node.name}", f"{module}.html#{node.name}"


def _writeInventory(file: Path, project: str, names: Iterator[tuple[str, str]]) -> None:
    """
    Write Sphinx's C{objects.inv}, version 2.
    """
    head = f"# Sphinx inventory version 2\n# Project: {project}\n# Version: \n# Compressed:\n"
    lines = "".join(f"{name} py:obj 1 {url} -\n" for name, url in names)
    file.write_bytes(head.encode() + zlib.compress(lines.encode()))


def build(app: Sphinx) -> None:
    """
    Build the reference beside the pages.
    """
    if app.builder.name != "html":
        return
    work = Path(app.doctreedir) / "inventories"
    work.mkdir(parents=True, exist_ok=True)
    arguments = ["--quiet", "--docformat=epytext", f"--project-base-dir={ROOT}"]
    for project, base, names in (
        ("Python", PYTHON, _pythonNames()),
        ("Twisted", TWISTED, _packageNames("twisted")),
        ("zope.interface", ZOPE, _packageNames("zope.interface")),
    ):
        inventory = work / f"{project}.inv"
        _writeInventory(inventory, project, names)
        arguments.append(f"--intersphinx-file={inventory}::{base}")
    process = subprocess.run(
        [
            sys.executable,
            "-m",
            "pydoctor",
            *arguments,
            "--project-name=twisted_multiserver",
            "--privacy=HIDDEN:twisted_multiserver.*.**._*",
            f"--html-output={Path(app.outdir) / 'api'}",
            str(PACKAGE),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if process.returncode not in (0, 2, 3):
        raise ExtensionError(f"pydoctor failed:\n{process.stdout}")
    for line in process.stdout.splitlines():
        if HARMLESS not in line:
            log.warning(line)


def setup(app: Sphinx) -> dict[str, object]:
    """
    Called by Sphinx.
    """
    app.connect("builder-inited", build)
    return {"version": "1", "parallel_read_safe": True}
