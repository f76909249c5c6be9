"""The dates of HTTP headers (RFC 9110 section 5.6.7)."""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime


def http_date(text: str | None) -> datetime | None:
    """Return the time of an HTTP-date, or None for any other text."""
    try:
        moment = parsedate_to_datetime(text or "")
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else None
