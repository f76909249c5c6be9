"""Messages without their codes, for tests that compare them as a whole."""

from __future__ import annotations

import re


def text_of(message: object) -> str:
    """Return an error or another message as text without codes."""
    return re.sub(r" \[SYNC-\d{4}\]", "", str(message))
