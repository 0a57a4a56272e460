"""
C{python -m chaos}.
"""

from __future__ import annotations

from chaos.command import main

if __name__ == "__main__":
    main()
