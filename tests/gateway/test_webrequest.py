"""
A twisted.web request as a neutral head and body.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_multiserver.gateway.webrequest import splitTarget


class SplitTargetTests(SynchronousTestCase):
    """
    The prefix under which a resource is mounted.
    """

    def test_targets(self) -> None:
        for target, segments, prefix, rest in (
            (b"/", 0, b"", b"/"),
            (b"/a/b?c", 0, b"", b"/a/b?c"),
            (b"//a", 0, b"", b"//a"),
            (b"/", 1, b"", b"/"),
            (b"/app", 1, b"/app", b"/"),
            (b"/app/", 1, b"/app", b"/"),
            (b"/app?a=/b", 1, b"/app", b"/?a=/b"),
            (b"/app/a%2Fb/%41?c=%20", 1, b"/app", b"/a%2Fb/%41?c=%20"),
            (b"/app//a", 1, b"/app", b"//a"),
            (b"/app/..%2f/./x", 1, b"/app", b"/..%2f/./x"),
            (b"/%61pp/x", 1, b"/%61pp", b"/x"),
            (b"/a/b/c/d", 2, b"/a/b", b"/c/d"),
            (b"http://h:1/app/x?y", 0, b"", b"/app/x?y"),
            (b"*", 0, b"", b"*"),
        ):
            self.assertEqual(
                splitTarget(b"GET", target, segments), (prefix, rest), (target, segments)
            )

    @given(
        st.lists(st.sampled_from(["a", "%2F", "", "..", "b%20c"]), min_size=1),
        st.integers(0, 4),
        st.sampled_from(["", "?", "?a/b?c"]),
    )
    def test_nothingIsLost(self, parts: list[str], segments: int, query: str) -> None:
        """
        Prefix and rest, put together, are the target, but for slashes where they
        meet.
        """
        path = "/" + "/".join(parts)
        target = (path + query).encode()
        prefix, rest = splitTarget(b"GET", target, min(segments, len(parts)))
        self.assertTrue(rest.startswith(b"/"))
        joined = prefix + rest
        self.assertEqual(joined.replace(b"/", b""), target.replace(b"/", b""))
        self.assertEqual(rest.partition(b"?")[2], query.encode()[1:])
