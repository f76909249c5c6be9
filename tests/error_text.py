"""The text of errors, for tests that compare it as a whole."""

from __future__ import annotations

import re


def text_of(error: BaseException) -> str:
    """Return the lines of an error without the codes of messages."""
    return re.sub(r" \[SYNC-\d{4}\]", "", str(error))
