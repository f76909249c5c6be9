"""Limit and redact the parts of a response that messages show."""

from __future__ import annotations

import html.entities
import re
from collections.abc import Iterable
from typing import Final

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
    """Return `text` with `***` in place of each secret that `patterns` find."""
    for pattern in patterns:
        text = pattern.sub("***", text)
    return text


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
