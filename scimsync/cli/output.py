"""How data and talk are written: data to stdout, talk to stderr, nothing that a terminal would
obey."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from scimsync.jsontext import json_text


def printable(text: object) -> str:
    """`text` without control characters: a record may hold terminal escapes, and nobody should see
    what they do."""
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in str(text)
    )


def value_text(value: object) -> str:
    """A value in one line, as JSON."""
    return printable(json_text(value))


def write_json(document: Any) -> None:
    """Writes one JSON document to stdout."""
    sys.stdout.write(json_text(document, indented=True) + "\n")


def write_lines(lines: Iterable[str]) -> None:
    """Writes lines to stdout."""
    for line in lines:
        sys.stdout.write(line + "\n")
