"""
Debian's Chromium, driven by Debian's chromedriver.  Selenium is given both by path, so
that it never looks for one to download.
"""

from __future__ import annotations

import os
from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
DRIVER = "/usr/bin/chromedriver"

try:
    from selenium.webdriver import Chrome, ChromeOptions
    from selenium.webdriver.chrome.service import Service
except ImportError:
    _missing = "selenium"
else:
    _missing = ", ".join(path for path in (CHROMIUM, DRIVER) if not Path(path).exists())

#: Why the browser tests can't run here; L{None} if they can.  Where CI says that all of
#: them must run they are not skipped, and fail for want of what is missing.
skipReason = f"no {_missing}" if _missing and os.environ.get("CI") != "true" else None


def startChromium(folder: str) -> Chrome:
    """
    Start a headless browser with a profile of its own.

    @param folder: an empty folder for the profile.
    @return: the running browser; C{quit()} ends it.
    """
    options = ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--hide-scrollbars",
        f"--user-data-dir={folder}",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return Chrome(options=options, service=Service(executable_path=DRIVER))
