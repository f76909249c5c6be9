"""Which records of a list came before, so that a repeated record is not taken for another one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

Identity = Callable[[Any], Any]
"""Returns what identifies a record, or None if that is the record as a whole."""


def whole_record(_record: Any) -> None:
    """Return None: records with equal content are the same record."""


@dataclass(slots=True)
class ReceivedRecords:
    """The different records of a list so far; `number` counts them, `repeated` all others.

    One page does not change while it is read, so equal records on it count as often as they are
    there. With `once`, they count once.
    """

    identity: Identity = whole_record
    once: bool = False
    number: int = 0
    repeated: int = 0
    digests: set[int] = field(default_factory=set)
    """Hashes of the identities, which take less memory."""

    def add_page(self, records: Sequence[Any]) -> bool:
        """Add the records of a page. Return whether an earlier page had one of them."""
        found = [self._digest(record) for record in records]
        page = set(found)
        earlier = page & self.digests
        new = len(page - earlier) if self.once else sum(each not in earlier for each in found)
        self.number += new
        self.repeated += len(found) - new
        self.digests |= page
        return bool(earlier)

    def _digest(self, record: Any) -> int:
        value = self.identity(record)
        if value is None or value == "":
            return hash(orjson.dumps(record, option=orjson.OPT_SORT_KEYS))
        return hash(str(value))
