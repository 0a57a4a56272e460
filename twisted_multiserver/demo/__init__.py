"""
The bundled application: one page that shows which child answered, and a button that
crashes it.  It is what C{twistd multiserver} serves when no application is named.

  - C{status.py}: what this process knows of itself, as facts and as JSON.
  - C{page.py}, C{page.html}: the page, filled in here so that it says something
    without script; the script in it asks again and again and draws the rest.
  - C{resources.py}: the routes C{/}, C{/status} and C{/crash}, and L{site}.
"""

from twisted_multiserver.demo.resources import site

__all__ = ["site"]
