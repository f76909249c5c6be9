"""The last complete read of a source, kept in a file next to the state.

The file contains the records, and the URL for later changes or an ETag. Both are replaced together
and covered by one checksum, so that records never go with a link of another read, even after a
crash, a restored backup, or damage. Records are whole values and not differences, so the file can
be older or newer than the state.

If the file is missing, damaged, or from another source, everything is read.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

import orjson

from scimsync.atomic_file import write_atomically
from scimsync.errors import coded

_LOG = logging.getLogger("scimsync")

FORMAT: Final = 2
"""The version of the layout of the file, and of what its records mean."""

BEGINNING: Final = b'{"scimsync_kept_read":'
_FIRST_LINE: Final = b"%b%d}\n" % (BEGINNING, FORMAT)
_LONGEST_END = 1 << 18
_CHUNK = 1 << 20


class KeptReadDamaged(Exception):
    """A file whose checksum is wrong, or that cannot be read."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """How a source uses the file at `path`, which `kept_read_path` gives.

    `every` is the interval at which everything is read, or None for each time. `now` is the time of
    the run. Without `now`, or with `whole`, everything is read. Only a run that `stores` replaces
    the file: a plan starts from the file, but does not change it.
    """

    path: Path
    every: timedelta | None = None
    now: datetime | None = None
    whole: bool = False
    stores: bool = False

    def forget(self) -> None:
        """Remove the file, so that the next run reads everything."""
        if self.stores:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def is_due(self, kept: KeptFacts) -> bool:
        """Return whether everything has to be read although there is a kept read.

        A clock that was set back makes a read due.
        """
        if self.whole or self.every is None or self.now is None:
            return True
        return not timedelta() <= self.now - kept.whole_at < self.every


def kept_read_path(state_dir: Path, source: str) -> Path:
    """Return the path of the file of a source."""
    return state_dir / f"{source}.kept"


@dataclass(frozen=True, slots=True)
class KeptFacts:
    """What is known about a kept read.

    `identity` is a digest of everything that a read depends on. `whole_at` is the time of the last
    read of everything, and `read_at` that of the last read. `link` is the URL for later changes.
    `validators` are the request headers for a conditional request. `received` is the number of
    records in the response, and `rows` the number in the file.
    """

    identity: str
    whole_at: datetime
    read_at: datetime
    rows: int
    received: int = 0
    link: str | None = None
    validators: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def _parsed(cls, found: Mapping[str, Any]) -> Self:
        facts = cls(
            **{
                **found,
                "whole_at": datetime.fromisoformat(found["whole_at"]),
                "read_at": datetime.fromisoformat(found["read_at"]),
            }
        )
        if None in (facts.whole_at.tzinfo, facts.read_at.tzinfo):
            raise ValueError
        return facts


@dataclass(frozen=True, slots=True)
class KeptRead:
    """A file with a readable last line, which contains the `facts`."""

    path: Path
    facts: KeptFacts
    _end: bytes
    _checksum: str
    _size: int

    def batches(self, size: int = 1000) -> Iterator[list[bytes]]:
        """Yield the lines of the file, at most `size` at a time, without line breaks.

        Raise KeptReadDamaged before the first line, so that no unchecked line is used.
        """
        try:
            with self.path.open("rb") as file:  # one file, even if another run replaces it now
                self._check(file)
                file.seek(len(_FIRST_LINE))
                left = self.facts.rows
                while left > 0:
                    lines = [line.rstrip(b"\n") for line in islice(file, min(size, left))]
                    if not lines:
                        raise KeptReadDamaged("it became shorter while it was read")
                    left -= len(lines)
                    yield lines
        except OSError as error:
            raise KeptReadDamaged(f"it cannot be read: {error.strerror}") from None

    def _check(self, file: BinaryIO) -> None:
        """Raise KeptReadDamaged if the checksum of the file or its number of rows is wrong."""
        total, rows = _new_checksum(), 0
        left = len(_FIRST_LINE) + self._size
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            left -= len(chunk)
            rows += chunk.count(b"\n")
            total.update(chunk)
        total.update(self._end)
        if left or rows - 1 != self.facts.rows or total.hexdigest() != self._checksum:
            raise KeptReadDamaged("it is damaged")


def load(path: Path) -> KeptRead | None:
    """Return the kept read in a file, or None if the file cannot be used."""
    try:
        with path.open("rb") as file:
            if file.read(len(_FIRST_LINE)) != _FIRST_LINE:
                return None
            size = file.seek(0, 2)
            file.seek(max(len(_FIRST_LINE), size - _LONGEST_END))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        found = orjson.loads(last)
        checksum = found.pop("checksum")
        facts = KeptFacts._parsed(found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    lines = size - len(_FIRST_LINE) - len(last) - 1
    return KeptRead(path, facts, _encoded(facts), checksum, lines) if lines >= 0 else None


def store(path: Path, records: Path, facts: KeptFacts) -> None:
    """Replace the file at `path` by the lines in the file `records` and the `facts` about them.

    If it cannot be written, warn and keep the old file, which can still be used.
    """
    total, rows = _new_checksum(), 0

    def chunks() -> Iterator[bytes]:
        nonlocal rows
        total.update(_FIRST_LINE)
        yield _FIRST_LINE
        with records.open("rb") as file:
            while chunk := file.read(_CHUNK):
                rows += chunk.count(b"\n")
                total.update(chunk)
                yield chunk
        end = _encoded(known := replace(facts, rows=rows))
        total.update(end)
        yield orjson.dumps({**_values(known), "checksum": total.hexdigest()}) + b"\n"

    try:
        write_atomically(path, chunks())
    except OSError as error:
        why = f"{path.name} cannot be written: {error.strerror}"
        text = f"{why}; the next run reads more than necessary"
        _LOG.warning("%s", coded(text, "SYNC-0276"))


def _values(facts: KeptFacts) -> dict[str, Any]:
    return {
        "identity": facts.identity,
        "whole_at": facts.whole_at.isoformat(),
        "read_at": facts.read_at.isoformat(),
        "rows": facts.rows,
        "received": facts.received,
        "link": facts.link,
        "validators": dict(facts.validators),
    }


def _encoded(facts: KeptFacts) -> bytes:
    return orjson.dumps(_values(facts))


def _new_checksum() -> hashlib.blake2b:
    return hashlib.blake2b(digest_size=20)
