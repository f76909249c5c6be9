"""JSON in responses."""

from __future__ import annotations

import pytest

from scimsync.jsontext import received_object


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
        (b"[1]", None),
        (b"\xff{}", None),
        (b"", None),
    ],
)
def test_an_object_is_read_with_or_without_a_byte_order_mark(
    content: bytes, expected: object
) -> None:
    assert received_object(content) == expected
