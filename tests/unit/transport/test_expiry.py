"""When a token says that it expires."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import date

import pytest

from scimsync.transport.auth.bearer import BearerSettings
from scimsync.transport.auth.expiry import expiry_of, expiry_warning, jwt_expiry


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


@pytest.mark.parametrize(
    ("configured", "claims", "day"),
    [
        (None, b"{}", None),
        (None, b'{"exp": 1806364800}', date(2027, 3, 30)),
        (date(2027, 3, 1), b'{"exp": 1806364800}', date(2027, 3, 1)),
        (date(2028, 3, 1), b'{"exp": 1806364800}', date(2027, 3, 30)),
        (date(2028, 3, 1), b"{}", date(2028, 3, 1)),
    ],
)
def test_the_first_day_counts(configured: date | None, claims: bytes, day: date | None) -> None:
    settings = BearerSettings.model_validate(
        {"type": "bearer", "token": "env:WIKI_TOKEN", "token_expires": configured}
    )

    assert expiry_of(settings, ["s3cr3t", token(claims)]) == day


@pytest.mark.parametrize(
    ("day", "warning"),
    [
        (None, None),
        (date(2026, 4, 2), None),
        (date(2026, 4, 1), "the credentials expire in 30 days, on 2026-04-01"),
        (date(2026, 3, 2), "the credentials expired on 2026-03-02"),
    ],
)
def test_a_warning_comes_30_days_ahead(day: date | None, warning: str | None) -> None:
    assert expiry_warning(day, date(2026, 3, 2)) == warning
