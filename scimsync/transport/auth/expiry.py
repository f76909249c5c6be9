"""The day on which credentials expire, as far as they say so themselves."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from datetime import UTC, date, datetime

import orjson


def jwt_expiry(token: str) -> date | None:
    """Return the day of `exp` in a token that is a JWT (RFC 7519 section 4.1.4), or None.

    The signature is not verified, as the key is the server's.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC).date()
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None
