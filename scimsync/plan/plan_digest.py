"""The last line of a plan file, which shows whether the file was changed.

It contains the SHA-256 of the bytes of all lines above it. A file of any size can be written and
checked without its operations in memory, and `head -n -1 FILE | sha256sum` can check it, too:

    {"saved": …,
    "plan": …,
    "sha256": "<64 hexadecimal digits>"}

It is not a signature: a program that changes the file can write a new last line.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator

NAME = "sha256"
"""The name of the digest in a plan file."""

_LAST_LINE = re.compile(rb'"sha256": "(?P<digest>[0-9a-f]{64})"\}\n?')


def with_digest(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the pieces of a file, which end with a comma and a line break, and its last line."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        yield piece
    yield b'"%b": "%b"}\n' % (NAME.encode(), digest.hexdigest().encode())


def is_as_written(content: bytes) -> bool:
    """Return whether the last line of a file contains the digest of the lines above it."""
    at = content.rfind(b"\n", 0, -1) + 1
    last = _LAST_LINE.fullmatch(content, at)
    return (
        last is not None
        and hashlib.sha256(memoryview(content)[:at]).hexdigest().encode() == last["digest"]
    )
