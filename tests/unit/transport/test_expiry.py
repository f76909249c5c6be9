"""When a token says that it expires."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import date

import pytest

from scimsync.transport.auth.expiry import jwt_expiry


def token(claims: bytes) -> str:
    return f"e30.{urlsafe_b64encode(claims).decode().rstrip('=')}.c2lnbmVk"


@pytest.mark.parametrize(
    ("text", "day"),
    [
        (token(b'{"exp": 1806364800}'), date(2027, 3, 30)),
        (token(b'{"exp": 1806364800.5, "iss": "x"}'), date(2027, 3, 30)),
        (token(b'{"exp": "soon"}'), None),
        (token(b'{"exp": 1e300}'), None),
        (token(b"{}"), None),
        (token(b"[]"), None),
        ("a.b.c", None),
        ("s3cr3t", None),
    ],
)
def test_the_day_is_that_of_a_jwt(text: str, day: date | None) -> None:
    assert jwt_expiry(text) == day
