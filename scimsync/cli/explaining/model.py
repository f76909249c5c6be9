"""What is said of one person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from scimsync.model.changes import Change
from scimsync.model.ids import Document, Key
from scimsync.model.links import Link
from scimsync.model.operations import JournaledOperation
from scimsync.model.records import Record


@dataclass(frozen=True, slots=True)
class Rule:
    """An access rule for one record. `holds` is None where it failed; `error` says how."""

    name: str
    expression: str
    holds: bool | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One person at one target.

    `in_scope` is None where no source has the record any more, or where the mapping failed:
    `failure` says how. `desired` and `once` (sent at creation only) hold what the mapping gives,
    `changes` what differs from what the target acknowledged. `operations` are what a push would do
    now, None where that cannot be told; `note` says why, or what has to be known. `history` is the
    end of the journal, the newest last.
    """

    target: str
    url: str
    scope: str | None
    in_scope: bool | None
    failure: str | None
    desired: Document
    once: Document
    link: Link | None
    changes: Sequence[Change]
    operations: Sequence[JournaledOperation] | None
    note: str | None
    history: Sequence[JournaledOperation]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One person. `hidden` are the columns of passwords; `note` says why sources could not be read
    now; `held` since when this person is to have no account, whatever the source says."""

    key: Key
    records: Sequence[Record]
    hidden: frozenset[str]
    rules: Sequence[Rule]
    accounts: Sequence[Account] = ()
    note: str | None = None
    held: datetime | None = None

    def data(self, record: Record) -> Mapping[str, object]:
        """The columns of a record without what is secret."""
        return {
            name: "(secret)" if name in self.hidden else value
            for name, value in record.data.items()
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the mapping of a target gives for a record."""

    in_scope: bool | None = None
    failure: str | None = None
    document: Document = field(default_factory=dict)
    once: Document = field(default_factory=dict)
