"""The day on which credentials expire, as far as sync.toml or they themselves say so."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Final

import orjson

from scimsync.formatting import plural
from scimsync.transport.auth.authenticator import AuthenticatorSettings

_SOON: Final = timedelta(days=30)


def expiry_of(settings: AuthenticatorSettings, secrets: Iterable[str]) -> date | None:
    """Return the first day on which credentials or one of their `secrets` expire, if known."""
    days = (settings.token_expires, *map(jwt_expiry, secrets))
    return min((day for day in days if day is not None), default=None)


def expiry_warning(expires: date | None, today: date) -> str | None:
    """Return `the credentials expire in 3 days, on 2026-03-05`, from 30 days before that day."""
    if expires is None or expires - today > _SOON:
        return None
    left = (expires - today).days
    when = f"expire in {plural(left, 'day')}," if left > 0 else "expired"
    return f"the credentials {when} on {expires}"


def jwt_expiry(token: str) -> date | None:
    """Return the day of `exp` in a token that is a JWT (RFC 7519 section 4.1.4), or None.

    The signature is not verified, because the key is the server's.
    """
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = orjson.loads(urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC).date()
    except (ValueError, TypeError, KeyError, OverflowError, OSError):
        return None
