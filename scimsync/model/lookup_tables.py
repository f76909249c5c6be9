"""Lookup tables whose entries are read from a source, before expressions are evaluated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping


class ReadTable(Mapping[str, object]):
    """The table that the source called `source` holds.

    Until `fill` is called, whatever needs an entry raises LookupError: a table that was not
    read is not one without entries. `digest` identifies the entries: with others, every user has to
    be planned again.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self.digest = ""
        self._filled: dict[str, object] | None = None

    @property
    def _entries(self) -> dict[str, object]:
        if self._filled is None:
            raise LookupError(f"the {self.source} was not read")
        return self._filled

    def fill(self, entries: Iterable[tuple[str, object]]) -> None:
        """Replace all entries."""
        self._filled = dict(entries)
        text = json.dumps(sorted(self._entries.items()), sort_keys=True)
        digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16)
        self.digest = digest.hexdigest()

    def __getitem__(self, key: str) -> object:
        return self._entries[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
