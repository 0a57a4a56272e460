"""
The kinds of values that options take: text is judged and becomes a value, or the refusal
says what is allowed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """
    What values an option takes.

    @ivar name: for people.
    @ivar parse: text to value; raises L{ValueError} with what is allowed.
    @ivar allowed: the range, for people; empty if there is none.
    """

    name: str
    parse: Callable[[str], object]
    allowed: str = ""


def parseText(text: str) -> str:
    """
    @param text: what was written.
    @return: the same.
    @raise ValueError: if it is empty, or can't be a name.
    """
    if not text.strip():
        raise ValueError("it must not be empty")
    if "\0" in text:
        raise ValueError("it must not have a NUL in it")
    return text


def whole(least: int, most: int) -> Kind:
    """
    @param least: the smallest number allowed.
    @param most: the largest.
    @return: whole numbers.
    """

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return Kind("number", parse, f"{least} to {most}")


def seconds(least: float = 0.0, most: float = 86400.0) -> Kind:
    """
    @param least: the shortest duration allowed, in seconds.
    @param most: the longest.
    @return: durations in seconds.
    """

    def parse(text: str) -> float:
        try:
            # Python would also take 1_0, blanks around and the digits of all scripts.
            value = float(text) if re.fullmatch(r"[0-9.eE+-]+", text) else math.nan
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise ValueError(f"seconds, from {least:g} to {most:.10g}")
        return value

    return Kind("seconds", parse, f"{least:g} to {most:.10g}")


def size(least: int = 0) -> Kind:
    """
    @param least: in bytes, whole MiB.
    @return: numbers of bytes.
    """
    bound = f", from {least >> 20}M" if least else ""

    def parse(text: str) -> int:
        match = re.fullmatch(r"([0-9]{1,15})([kMG]?)", text)
        if match is None:
            raise ValueError("a number of bytes, as 65536, 64k, 10M or 2G")
        number = int(match[1]) << {"": 0, "k": 10, "M": 20, "G": 30}[match[2]]
        if number < least:
            raise ValueError(f"a number of bytes{bound}")
        return number

    return Kind("bytes", parse, f"with k, M or G for the powers of 1024{bound}")


def choice(*choices: str) -> Kind:
    """
    @param choices: what is allowed.
    @return: one of these.
    """

    def parse(text: str) -> str:
        if text not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text

    return Kind("choice", parse, ", ".join(choices))


def statuses() -> Kind:
    """
    @return: a status of HTTP, or a range of them.
    """

    def parse(text: str) -> tuple[int, int]:
        match = re.fullmatch(r"([2-5][0-9]{2})(?:-([2-5][0-9]{2}))?", text)
        least, most = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if least > most:
            raise ValueError("a status from 200 to 599, or two with - between them, as 200-299")
        return least, most

    return Kind("statuses", parse, "as 200 or 200-299")


def parsePath(text: str) -> str:
    """
    @param text: what was written.
    @return: the same.
    @raise ValueError: if it is no path of a URL.
    """
    if not re.fullmatch(r"/[!-~]*", text):
        raise ValueError("a path with /, and nothing that a URL would have to encode")
    return text


def flag() -> Kind:
    """
    @return: what is on or off; on the command line its name alone turns it on.
    """

    def parse(text: str) -> bool:
        if text not in ("true", "false", "1", "0"):
            raise ValueError("true or false")
        return text in ("true", "1")

    return Kind("flag", parse, "true or false")
