"""
The manual, built by C{sphinx-build -W docs build/docs}: the pages are Markdown, the API
reference is pydoctor's (L{apidocs}).  Nothing is fetched from the network.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))

project = "twisted_multiserver"
author = "the twisted_multiserver authors"

extensions = ["myst_parser", "apidocs"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build", "newsfragments/*", "decisions/template.md"]
nitpicky = True

myst_heading_anchors = 3

html_theme = "alabaster"
html_title = project
html_theme_options = {
    "description": "An application server and load balancer for Python web programs.",
    "fixed_sidebar": True,
    "font_family": "system-ui, sans-serif",
    "head_font_family": "system-ui, sans-serif",
    "page_width": "1080px",
}
html_static_path = ["_static"]
html_css_files = ["manual.css"]
html_show_copyright = False
