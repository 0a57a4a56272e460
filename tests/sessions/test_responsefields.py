"""
Tests of heads that sessions add to.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.sessions.responsefields import mergedVary, mergeFields


class MergeTests(SynchronousTestCase):
    """
    The application's fields and ours.
    """

    def test_added(self) -> None:
        """
        What isn't there is added, the rest stays in its order.
        """
        self.assertEqual(
            mergeFields([(b"A", b"1")], [(b"vary", b"Cookie"), (b"set-cookie", b"sid=x")]),
            [(b"A", b"1"), (b"vary", b"Cookie"), (b"set-cookie", b"sid=x")],
        )

    def test_cookies(self) -> None:
        """
        The application's cookies stay.
        """
        merged = mergeFields([(b"Set-Cookie", b"a=1")], [(b"set-cookie", b"sid=x")])
        self.assertEqual([value for _, value in merged], [b"a=1", b"sid=x"])

    def test_vary(self) -> None:
        """
        All that the response varies by is in one field.
        """
        merged = mergeFields(
            [(b"Vary", b"Accept"), (b"B", b"2"), (b"VARY", b"Origin")], [(b"vary", b"Cookie")]
        )
        self.assertEqual(merged, [(b"B", b"2"), (b"vary", b"Accept, Origin, Cookie")])

    def test_varyAlready(self) -> None:
        """
        Nothing is said twice, and everything says it all.
        """
        self.assertEqual(mergedVary([b"accept , COOKIE"], b"Cookie"), b"accept, COOKIE")
        self.assertEqual(mergedVary([b"Accept", b"*"], b"Cookie"), b"*")
        self.assertEqual(mergedVary([b"", b",,"], b"Cookie"), b"Cookie")

    def test_cacheControl(self) -> None:
        """
        A response with our cookie is in no cache, whatever the application said.
        """
        merged = mergeFields(
            [(b"Cache-Control", b"public, max-age=60"), (b"cache-control", b"immutable")],
            [(b"cache-control", b"no-store")],
        )
        self.assertEqual(merged, [(b"cache-control", b"no-store")])
