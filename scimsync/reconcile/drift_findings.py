"""What a reconciliation finds at a target, and what it could not find out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO, Final

import orjson

from scimsync.errors import ScimsyncError
from scimsync.model.changes import Change
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.repairs import ShownMember
from scimsync.reconcile.read_back import ReadBack

FIRST_REMARKS: Final = 20
"""The number of resources that could not be compared that are named; the others are counted."""


_SKIPPED: Final = "(skipped)"
_OPEN_MEMBER: Final = "(open member)"
_REMOVED: Final = "(access removed)"
"""Rows of a log beside the findings."""


class Drift(StrEnum):
    """How a target differs from what it acknowledged, the most urgent first."""

    REACTIVATED = "reactivated"
    STILL_ACTIVE = "still active"
    MEMBER_ADDED = "member added"
    SHARED = "shared"
    REASSIGNED = "reassigned"
    UNMANAGED = "unmanaged"
    VANISHED = "vanished"
    DEACTIVATED = "deactivated"
    CHANGED = "changed"
    NEW_ID = "new id"
    MEMBER_REMOVED = "member removed"
    DANGLING_MEMBER = "dangling member"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileFinding:
    """One difference between a target and what it acknowledged.

    `key` is that of the linked user or group, None for an account that no user is linked to, and
    `others` are further keys that are linked to it. `name` is the userName or displayName as the
    target shows it, or else as it was acknowledged. `changes` hold the acknowledged values and
    those that the target shows. For a member, `key` is the group's, `member_kind` and `member` are
    what the id `member_id` belongs to, as far as it is known. `detail` says more.
    """

    drift: Drift
    kind: Kind
    key: Key | None
    remote_id: RemoteId | None
    name: str | None = None
    changes: tuple[Change, ...] = ()
    others: tuple[Key, ...] = ()
    member_kind: Kind | None = None
    member: Key | None = None
    member_id: RemoteId | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A resource that could not be compared, and why."""

    kind: Kind
    key: Key
    why: str


class FindingLog:
    """The findings at one target, in a private file: there may be as many as accounts.

    `counts` has their number by kind. `unreadable` counts the resources that could not be compared,
    of which `first_unreadable` has the first. `skipped` counts those that were not compared because
    a request about them has no known outcome, or a push has them in hand. `not_compared` has the
    number of both by kind.
    """

    def __init__(self, file: Path, stream: BinaryIO) -> None:
        self._file = file
        self._stream = stream
        self.counts: Counter[Drift] = Counter()
        self.unreadable = 0
        self.first_unreadable: list[Unreadable] = []
        self.skipped = 0
        self.not_compared: Counter[Kind] = Counter()

    def add(self, finding: ReconcileFinding) -> None:
        """Note a finding."""
        self.counts[finding.drift] += 1
        self._write(_row(finding))

    def add_unreadable(self, kind: Kind, key: Key, why: str) -> None:
        """Note that a resource could not be compared."""
        self.unreadable += 1
        self.not_compared[kind] += 1
        if len(self.first_unreadable) < FIRST_REMARKS:
            self.first_unreadable.append(Unreadable(kind, key, why))

    def add_skipped(self, kind: Kind, key: Key) -> None:
        """Note that a resource was not compared, since its last request has no known outcome."""
        self.skipped += 1
        self.not_compared[kind] += 1
        self._write([_SKIPPED, kind, key])

    def add_open_member(self, member: ShownMember) -> None:
        """Note what a group shows about a member with a request that is due or in doubt."""
        row = [member.group, member.kind, member.key, member.remote_id, member.is_member]
        self._write([_OPEN_MEMBER, *row])

    def add_removed(self, key: Key) -> None:
        """Record that a leaver's account was read, and is inactive as it should be."""
        self._write([_REMOVED, key])

    def removed_keys(self) -> Iterator[Key]:
        """Yield the leavers whose account was read and is inactive, some of them twice."""
        for row in self._rows():
            if row[0] == _REMOVED:
                yield Key(row[1])

    def skipped_keys(self) -> Iterator[tuple[Kind, Key]]:
        """Yield the resources that were skipped."""
        for row in self._rows():
            if row[0] == _SKIPPED:
                yield Kind(row[1]), Key(row[2])

    def open_members(self) -> Iterator[ShownMember]:
        """Yield the members with a request that is due or in doubt, as their groups show them."""
        for row in self._rows():
            if row[0] == _OPEN_MEMBER:
                group, kind, key, remote_id, is_member = row[1:]
                yield ShownMember(group, Kind(kind), key, remote_id, is_member)

    def __len__(self) -> int:
        return sum(self.counts.values())

    def __iter__(self) -> Iterator[ReconcileFinding]:
        """Yield the findings, in the order in which they were found."""
        for row in self._rows():
            if row[0] not in (_SKIPPED, _OPEN_MEMBER, _REMOVED):
                yield _finding(row)

    def _write(self, row: Sequence[Any]) -> None:
        self._stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def _rows(self) -> Iterator[list[Any]]:
        self._stream.flush()
        with self._file.open("rb") as lines:
            yield from map(orjson.loads, lines)


@dataclass(frozen=True, slots=True)
class TargetFindings:
    """The findings at one target.

    `users` and `groups` are the numbers of linked resources, of which all were compared that `log`
    does not count as not compared. `problem` is why the list of accounts may be incomplete, None if
    it is: accounts without a link may then be missing in `log`. `read_back` has the list. `notes`
    are remarks on what cannot be compared at this target. `error` is why the target could not be
    read, in which case there are no findings.
    """

    name: str
    log: FindingLog
    read_back: ReadBack = field(repr=False)
    users: int = 0
    groups: int = 0
    problem: str | None = None
    notes: tuple[str, ...] = ()
    requests: int = 0
    seconds: float = 0.0
    error: ScimsyncError | None = None

    @property
    def exit_code(self) -> int:
        """1 where something could not be compared, else 0."""
        return 1 if self.error is not None or self.log.unreadable or self.problem else 0

    @property
    def is_complete(self) -> bool:
        """Whether everything was compared, so that the absence of findings proves something."""
        return self.exit_code == 0 and not self.log.skipped

    def compared(self, kind: Kind) -> tuple[int, int]:
        """Return how many linked resources were compared, and how many there are."""
        total = self.users if kind is Kind.USER else self.groups
        return max(total - self.log.not_compared[kind], 0), total


def _row(finding: ReconcileFinding) -> list[Any]:
    return [
        finding.drift,
        finding.kind,
        finding.key,
        finding.remote_id,
        finding.name,
        [[change.path, change.before, change.after] for change in finding.changes],
        finding.others,
        finding.member_kind,
        finding.member,
        finding.member_id,
        finding.detail,
    ]


def _finding(row: list[Any]) -> ReconcileFinding:
    drift, kind, key, remote_id, name, changes, others, member_kind, member, member_id, detail = row
    return ReconcileFinding(
        drift=Drift(drift),
        kind=Kind(kind),
        key=key,
        remote_id=remote_id,
        name=name,
        changes=tuple(Change(*change) for change in changes),
        others=tuple(others),
        member_kind=None if member_kind is None else Kind(member_kind),
        member=member,
        member_id=member_id,
        detail=detail,
    )
