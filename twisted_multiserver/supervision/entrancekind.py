"""
The ways in which a program can be told where to listen.
"""

from __future__ import annotations

from enum import Enum


class EntranceKind(Enum):
    """
    How a program is told where to listen; the value is for people.
    """

    descriptor = "descriptor 3"
    socket = "{socket}"
    port = "PORT"
