"""`reconcile --fix`: which findings a push repairs, and which ones need an administrator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from scimsync.config.targets import Unmanaged
from scimsync.desired import MatchValues
from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.model.ids import Document, Key, Kind, RemoteId, Seq
from scimsync.model.repairs import Repair, ShownMember, UnlinkedAccount
from scimsync.plan import Now
from scimsync.reconcile.drift_findings import Drift, ReconcileFinding, TargetFindings
from scimsync.reconcile.opened import ReadSettings
from scimsync.reconcile.unmanaged import UnmanagedValues, without_known
from scimsync.run.compiled import CompiledTarget
from scimsync.run.options import Report
from scimsync.snapshot.view import SnapshotView
from scimsync.state import holds, link_store, pin_store
from scimsync.state.store import Store

_PLANNED: Final = frozenset(
    {
        Drift.REACTIVATED,
        Drift.STILL_ACTIVE,
        Drift.VANISHED,
        Drift.DEACTIVATED,
        Drift.CHANGED,
        Drift.NEW_ID,
    }
)
"""The findings about an account or group that is read again and planned."""

_MEMBERS: Final = {
    Drift.MEMBER_ADDED: True,
    Drift.DANGLING_MEMBER: True,
    Drift.MEMBER_REMOVED: False,
}
"""The findings about members, and whether the group shows the member."""

_BATCH: Final = 500


@dataclass(slots=True)
class _RepairParts:
    """The parts of a repair so far."""

    users: dict[Key, None] = field(default_factory=dict)
    groups: dict[Key, None] = field(default_factory=dict)
    members: list[ShownMember] = field(default_factory=list)
    unlinked: list[UnlinkedAccount] = field(default_factory=list)
    vanished: set[tuple[Kind, Key]] = field(default_factory=set)
    left: Counter[Drift] = field(default_factory=Counter)

    def add(self, finding: ReconcileFinding, unmanaged: Unmanaged) -> None:
        group, member = finding.key, finding.member_id
        if finding.drift in _PLANNED and finding.key is not None:
            keys = self.users if finding.kind is Kind.USER else self.groups
            keys[finding.key] = None
            if finding.drift is Drift.VANISHED:
                self.vanished.add((finding.kind, finding.key))
        elif finding.drift in _MEMBERS and group is not None and member is not None:
            self.members.append(
                ShownMember(
                    group,
                    finding.member_kind or Kind.USER,
                    finding.member,
                    member,
                    _MEMBERS[finding.drift],
                )
            )
        elif finding.drift is Drift.UNMANAGED and unmanaged is not Unmanaged.REPORT:
            if unmanaged is Unmanaged.DEACTIVATE and finding.remote_id is not None:
                self.unlinked.append(UnlinkedAccount(finding.remote_id, _document(finding)))
        else:
            self.left[finding.drift] += 1


def repair_of(
    settings: ReadSettings, findings: TargetFindings, report: Report
) -> tuple[Repair, tuple[str, ...]]:
    """Return what a push repairs at one target, and remarks on what it does not.

    A resource is repaired too if a run that died left the outcome of a request open.

    With `unmanaged = "adopt"`, users in scope without an account are planned if an account that
    no user is linked to matches them. With `unmanaged = "deactivate"`, accounts about which a
    source knows something are left, and `report` gets the progress of reading the sources.
    """
    target, store = settings.compiled.targets[findings.name], settings.store
    parts, unmanaged = _RepairParts(), target.config.unmanaged
    for finding in findings.log:
        parts.add(finding, unmanaged)
    if unmanaged is Unmanaged.ADOPT and findings.log.counts[Drift.UNMANAGED]:
        ids = (
            one.remote_id
            for one in findings.log
            if one.drift is Drift.UNMANAGED and one.remote_id is not None
        )
        parts.users |= dict.fromkeys(_adopters(target, findings, ids, store, settings.now))
    for kind, key in findings.log.skipped_keys():
        (parts.users if kind is Kind.USER else parts.groups)[key] = None
    parts.members += findings.log.open_members()
    unlinked, remarks = without_known(settings, target, findings.read_back, parts.unlinked, report)
    if parts.left:
        number = plural(parts.left.total(), "finding is", "findings are")
        kinds = ", ".join(f"{parts.left[drift]:,} {drift}" for drift in Drift if parts.left[drift])
        remarks.append(f"{number} not repaired: {kinds}")
    if pinned := _pinned(store, target.name, parts.vanished):
        what = plural(pinned, "vanished account or group is", "vanished accounts and groups are")
        remarks.append(
            f"{what} pinned by a revert, and not created again until the pin ends;"
            " see scimsync status"
        )
    repair = Repair(tuple(parts.users), tuple(parts.groups), tuple(parts.members), tuple(unlinked))
    return repair, tuple(remarks)


def _pinned(store: Store, target: str, resources: Iterable[tuple[Kind, Key]]) -> int:
    """Return how many of some users and groups a revert has pinned."""
    number = 0
    with store.read() as connection:
        for kind in Kind:
            for some in batches((key for of, key in resources if of is kind), _BATCH):
                number += len(pin_store.get_pins(connection, target, kind, some))
    return number


def _document(finding: ReconcileFinding) -> Document:
    return {} if finding.name is None else {"userName": finding.name}


def _adopters(
    target: CompiledTarget,
    findings: TargetFindings,
    ids: Iterable[RemoteId],
    store: Store,
    now: Now,
) -> Iterator[Key]:
    """Yield the users in scope without an account who match one of the accounts `ids`."""
    accounts = UnmanagedValues(findings.read_back, ids)
    records = SnapshotView(store, None)
    for keys in batches(records.changed_keys(target.sources, Seq(-1)), _BATCH):
        wanted = list(_without_account(target, store, records, keys, now))
        matching = accounts.matching((one.key, one.values) for one in wanted)
        yield from dict.fromkeys(key for key, _, _ in matching)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A user in scope without an account, and the values by which one is found."""

    key: Key
    values: Document


def _without_account(
    target: CompiledTarget, store: Store, records: SnapshotView, keys: Sequence[Key], now: Now
) -> Iterator[_Wanted]:
    with store.read() as connection:
        known = link_store.get_links(connection, target.name, Kind.USER, keys)
        held = holds.held(connection, keys)
    others = [key for key in keys if key not in known or not known[key].has_account]
    for key, record in records.get(target.sources, others).items():
        if record.removed or key in held:
            continue
        found: MatchValues = target.program.match_values(record, now.today)
        if found.in_scope is not False:
            yield _Wanted(key, found.values)
