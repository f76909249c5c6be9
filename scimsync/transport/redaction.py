"""Limit and redact the parts of a response that messages show."""

from __future__ import annotations

import html.entities
import re
from collections.abc import Callable, Iterable
from typing import Final

from scimsync.formatting import one_line

EXCERPT_BYTES: Final = 120
"""The number of bytes shown of a body that cannot be parsed."""

MAX_DETAIL: Final = 500
"""The number of characters kept of a server's explanation."""


def secret_pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern that finds `secret`, including its encodings in JSON, HTML and URLs.

    These encode only characters that are neither letters nor digits.
    """
    return re.compile("".join(map(_spellings, secret)))


def redacted(text: str, patterns: Iterable[re.Pattern[str]]) -> str:
    """Return `text` with `***` instead of each secret that `patterns` find."""
    for pattern in patterns:
        text = pattern.sub("***", text)
    return text


def safe_line(text: str, limit: int, redact: Callable[[str], str] | None) -> str:
    """Return text of a server for messages: one printable line of at most `limit` characters.

    `redact` removes secrets from a text; None if there are none.
    """
    return one_line(text if redact is None else redact(text), limit)


def _spellings(character: str) -> str:
    plain, code = re.escape(character), ord(character)
    if character.isalnum():
        return plain
    named = [f"&{name}" for name, entity in html.entities.html5.items() if entity == character]
    encoded = [
        rf"\\{plain}",
        rf"\\u{code:04x}",
        f"&#x0*{code:x};",
        f"&#0*{code};",
        f"%{code:02x}",
        *named,
    ]
    return f"(?:{plain}|(?i:{'|'.join(encoded)}))"
