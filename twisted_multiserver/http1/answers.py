"""
Answers: the short pages of what we say ourselves instead of a backend.

A client gets the status and a sentence; which backend failed and how is for the
log, since it is nobody else's business.
"""

from __future__ import annotations

from http import HTTPStatus

from twisted_multiserver.http1.date import httpDate

# Seconds after which a client may ask again (RFC 9110 section 10.2.3).
RETRY_AFTER = 1

_SENTENCES = {
    400: "The request is malformed.",
    405: "The server does not support this method.",
    408: "The request took too long to arrive.",
    413: "The request is too large.",
    414: "The address is too long.",
    417: "The server can not do what the request expects.",
    421: "This connection is not for what the request asks for.",
    431: "The request's head is too large.",
    500: "The server could not answer the request.",
    501: "The server does not support this request.",
    505: "The server speaks HTTP/1.1.",
    502: "The application did not answer.",
    503: "The application is not available at the moment. Please try again.",
    504: "The application took too long to answer.",
}

# As RFC 9110 has them; Python's own are older.
_PHRASES = {413: "Content Too Large", 414: "URI Too Long"}

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{status} {phrase}</title>
<style>body {{ font: 1rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 30rem; \
padding: 0 1rem }}</style>
<h1>{status} {phrase}</h1>
<p>{sentence}</p>
</html>
"""


_LINES = b"Content-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n"


def phrase(status: int) -> bytes:
    """
    @param status: such as 503.
    @return: the reason phrase of an answer of ours.
    """
    return _phrase(status).encode("ascii")


def _phrase(status: int) -> str:
    return _PHRASES.get(status) or HTTPStatus(status).phrase


def answerLines(status: int) -> bytes:
    """
    @param status: such as 503.
    @return: the lines of the fields of an answer, but for framing.
    """
    lines = _LINES + b"Date: %b\r\n" % httpDate()
    return lines + b"Retry-After: %d\r\n" % RETRY_AFTER if status == 503 else lines


def page(status: int) -> bytes:
    """
    Make the page of an answer.

    @param status: such as 503.
    @return: HTML in UTF-8.
    """
    phrase = _phrase(status)
    sentence = _SENTENCES.get(status, "")
    return _PAGE.format(status=status, phrase=phrase, sentence=sentence).encode()
