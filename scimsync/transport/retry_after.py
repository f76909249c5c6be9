"""The Retry-After header (RFC 9110 section 10.2.3)."""

from __future__ import annotations

import re

from scimsync.transport.http_date import http_date


def parse_retry_after(value: str | None, date: str | None) -> float | None:
    """Return the seconds to wait from a Retry-After header (RFC 9110 section 10.2.3).

    The header is a number of seconds or an HTTP-date. A date is taken relative to `date`, the Date
    header of the same response, so that the two clocks need not agree. Return None for a value that
    cannot be parsed. The result is never negative.
    """
    text = (value or "").strip()
    if re.fullmatch(r"[0-9]{1,300}(\.[0-9]{1,9})?", text):
        return float(text)
    until, base = http_date(text), http_date(date)
    if until is None or base is None:
        return None
    return max(0.0, (until - base).total_seconds())
