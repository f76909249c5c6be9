"""Make text from a server safe to show: printable, on one line, without secrets."""

from __future__ import annotations

import html.entities
import re
from typing import Final

EXCERPT_BYTES: Final = 120
"""How much of a body that cannot be understood is shown."""

MAX_DETAIL: Final = 500
"""How many characters of a server's explanation are kept."""


def printable(text: str, limit: int) -> str:
    """Return `text` in one line of at most `limit` characters.

    Each run of white space becomes a space, each unprintable character `\\ufffd`.
    """
    line = "".join(c if c.isprintable() else "\ufffd" for c in " ".join(text[: limit * 4].split()))
    return line if len(line) <= limit else line[: limit - 1] + "…"


def secret_pattern(secret: str) -> re.Pattern[str]:
    """Return a pattern that finds `secret`, also as JSON, HTML and URLs encode it.

    They encode only characters that are neither letters nor digits.
    """
    return re.compile("".join(map(_spellings, secret)))


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
