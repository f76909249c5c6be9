"""The planner's surroundings in memory: state, records, a target that answers."""

from __future__ import annotations

from collections.abc import Collection, Container, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scimsync.desired import Program
from scimsync.desired.compiler import Extra, compile_program
from scimsync.desired.groups import GroupForm, GroupRule
from scimsync.model.accounts import Account
from scimsync.model.batches import batches
from scimsync.model.clock import ClockDoubt
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Kind, RemoteId, Seq, fold_name
from scimsync.model.links import Link, LinkStatus, Reference, moved_link
from scimsync.model.mappings import Constant, Expression, MappedValue
from scimsync.model.memberships import Membership
from scimsync.model.operations import OPEN_STATUSES, Operation
from scimsync.model.pins import Pin
from scimsync.model.records import Record
from scimsync.plan import Now
from scimsync.plan.candidates import Policy
from scimsync.plan.target_planner import Scope, TargetPlanner
from scimsync.plan.target_reader import TargetReader
from tests.error_text import text_of
from tests.unit.plan.building import DEACTIVATE, NOW, TODAY

MANAGER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"
USER: Mapping[str, MappedValue] = {
    "userName": Expression("email"),
    "title": Expression("title"),
    MANAGER: Expression("ref(manager)"),
}
COLUMNS = {"hr": ["id", "email", "title", "manager", "dept", "state"]}


def row(key: str, **values: str) -> Record:
    """A record of hr."""
    data = {"email": f"{key}@example.com", "title": "", "manager": "", "dept": "", "state": ""}
    return Record("hr", Key(key), {**data, **values})


def program(
    mapping: Mapping[str, MappedValue] = USER,
    scope: str | None = "state != 'left'",
    extras: Mapping[str, str] | None = None,
    kind: Kind = Kind.USER,
) -> Program:
    """A compiled mapping; `extras` are expressions of groups."""
    named = {name: Extra(("groups", name), text) for name, text in (extras or {}).items()}
    match = (UNIQUE_ATTRIBUTE[kind],)
    return compile_program(
        "wiki", mapping, scope, {}, {}, "sync.toml", kind=kind, extras=named, match=match
    )


def by_department(leave: str = "delete") -> GroupRule:
    """A group for each department."""
    mapping = {"displayName": Expression("'Department ' ~ value")}
    made = program(mapping, None, kind=Kind.GROUP)
    return GroupRule("dept", GroupForm.EACH, made, None, leave, ("displayName",))


def staff_rule() -> GroupRule:
    """One group by rule."""
    made = program({"displayName": Constant("Staff")}, None, kind=Kind.GROUP)
    return GroupRule("staff", GroupForm.RULE, made, None, "delete", ("displayName",))


def teams(leave: str = "delete") -> GroupRule:
    """Groups from a source of their own."""
    made = program(
        {"displayName": Expression("name")},
        None,
        {"members": "members", "subgroups": "subgroups"},
        Kind.GROUP,
    )
    return GroupRule("teams", GroupForm.SOURCE, made, "teams", leave, ("displayName",))


@dataclass
class Rules:
    """What sync.toml says of the target."""

    policy: Policy = DEACTIVATE
    program: Program = field(default_factory=program)
    sources: tuple[str, ...] = ("hr",)
    groups: Mapping[str, GroupRule] = field(default_factory=dict)
    members_per_request: int = 2
    removals_per_request: int | None = None


@dataclass
class MemoryRecords:
    """Records by source and key; a record that is `removed` was there once. `names` says which
    records have the names that references use, and `unusable_keys` whose rows cannot be used."""

    rows: list[Record] = field(default_factory=list)
    names: dict[str, list[Key]] = field(default_factory=dict)
    unusable_keys: set[Key] = field(default_factory=set)
    refused_keys: set[Key] = field(default_factory=set)

    def get(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, Record]:
        found: dict[Key, Record] = {}
        some = [one for one in self.rows if one.source in sources and one.key in keys]
        for one in sorted(some, key=lambda one: (one.removed, sources.index(one.source))):
            found.setdefault(one.key, one)
        return found

    def doubles(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, list[str]]:
        having: dict[Key, list[str]] = {}
        for one in self.rows:
            if one.key in keys and one.source in sources and not one.removed:
                having.setdefault(one.key, []).append(one.source)
        return {key: some for key, some in having.items() if len(some) > 1}

    def unusable(self, sources: Sequence[str], keys: Sequence[Key]) -> dict[Key, str]:
        return {key: sources[0] for key in keys if key in self.unusable_keys}

    def never_accepted(self, sources: Sequence[str], keys: Sequence[Key]) -> set[Key]:
        return self.refused_keys.intersection(keys)

    def known_elsewhere(self, keys: Sequence[Key], except_for: Collection[str]) -> set[Key]:
        return {one.key for one in self.rows if one.source not in except_for}.intersection(keys)

    def named(self, sources: Sequence[str], names: Sequence[str]) -> dict[str, list[Key]]:
        return {name: self.names[name] for name in names if sources and name in self.names}

    def changed_keys(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        changed = {one.key for one in self.rows if one.source in sources and one.seq > cursor}
        yield from sorted(changed)


@dataclass
class MemoryState:
    """A planning state that keeps everything in dictionaries."""

    records: MemoryRecords
    known: dict[tuple[Kind, Key], Link] = field(default_factory=dict)
    memberships: dict[tuple[Key, Kind, Key], Membership] = field(default_factory=dict)
    holds: dict[Key, datetime] = field(default_factory=dict)
    references: list[Reference] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    updated_links: list[Link] = field(default_factory=list)
    unwanted: list[Key] = field(default_factory=list)
    returned: list[Key] = field(default_factory=list)
    absent: dict[Key, str] = field(default_factory=dict)
    pinned: dict[tuple[Kind, Key], Pin] = field(default_factory=dict)

    def keys_to_plan(
        self, sources: Sequence[str], cursor: Seq, *, everybody: bool
    ) -> Generator[Key, None, None]:
        changed = set(self.records.changed_keys(sources, cursor))
        due = {key for (kind, key), link in self.known.items() if link.is_due and kind == "user"}
        linked = {key for (kind, key), link in self.known.items() if link.has_account}
        yield from sorted(changed | due | (linked if everybody else set()))

    def arrivals(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        if any(True for _ in self._accounts(Kind.USER)):
            linked = {link.key for link in self._accounts(Kind.USER)}
            waiting = {key for (kind, key), _ in self.known.items() if kind is Kind.USER}
            changed = {one.key for one in self.records.rows if not one.removed}
            yield from sorted((waiting | changed) - linked)

    def removed_keys(self, sources: Sequence[str], cursor: Seq) -> Iterator[Key]:
        yield from sorted(one.key for one in self.records.rows if one.removed)

    def deactivated(self, since: datetime) -> Iterator[Link]:
        yield from (
            link
            for (kind, _), link in sorted(self.known.items())
            if kind is Kind.USER
            and link.status is LinkStatus.INACTIVE
            and link.synced_at is not None
            and link.synced_at >= since
        )

    def move(self, pairs: Mapping[Key, Key]) -> None:
        for new, old in pairs.items():
            link = self.known.pop((Kind.USER, old))
            self.known[Kind.USER, new] = moved_link(link, new)

    def moved_keys(self) -> Mapping[Key, Key]:
        links = self._accounts(Kind.USER)
        return {link.moved_from: link.key for link in links if link.moved_from is not None}

    def links(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Link]:
        return {key: self.known[kind, key] for key in keys if (kind, key) in self.known}

    def note_link(self, link: Link) -> None:
        self.known[link.kind, link.key] = link

    def in_doubt_keys(self, kind: Kind) -> list[Key]:
        return sorted(key for (of, key), link in self.known.items() if of is kind and link.in_doubt)

    def paused_keys(self, kind: Kind) -> set[Key]:
        return {
            key
            for (of, key), link in self.known.items()
            if of is kind and link.next_try_at is not None and link.next_try_at > NOW
        }

    def name_holders(self, kind: Kind, names: Sequence[str]) -> dict[str, Link]:
        return {
            name: link
            for link in self._accounts(kind)
            if (name := fold_name(link.document.get(UNIQUE_ATTRIBUTE[kind]))) in names
            and name is not None
        }

    def owners(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, Key]:
        return {
            link.remote_id: link.key
            for link in self._accounts(kind)
            if link.remote_id is not None and link.remote_id in ids
        }

    def sharers(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, list[Key]]:
        found: dict[RemoteId, list[Key]] = {}
        for link in self._accounts(kind):
            if link.remote_id is not None and link.remote_id in ids:
                found.setdefault(link.remote_id, []).append(link.key)
        return found

    def remote_ids(
        self, kind: Kind, keys: Sequence[Key], *, include_deleted: bool = False
    ) -> dict[Key, RemoteId]:
        return {
            link.key: link.remote_id
            for link in self._accounts(kind)
            if link.key in keys and link.remote_id is not None
        }

    def group_keys(self, *, existing: bool) -> list[Key]:
        return [
            key
            for (kind, key), link in self.known.items()
            if kind is Kind.GROUP and (link.has_account or not existing)
        ]

    def due_groups(self) -> list[Key]:
        return [key for (kind, key), one in self.known.items() if kind is Kind.GROUP and one.is_due]

    def referrers(self, keys: Sequence[Key]) -> set[Key]:
        return {one.key for one in self.references if one.ref_key in keys}

    def held(self, keys: Sequence[Key]) -> dict[Key, datetime]:
        return {key: self.holds[key] for key in keys if key in self.holds}

    def absent_users(self, keys: Sequence[Key]) -> dict[Key, str]:
        return {key: self.absent[key] for key in keys if key in self.absent}

    def put_absent_users(self, found: Mapping[Key, str], protected: Mapping[Key, str]) -> None:
        self.absent |= found

    def pins(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, Pin]:
        return {key: self.pinned[kind, key] for key in keys if (kind, key) in self.pinned}

    def unpin(self, kind: Kind, keys: Collection[Key]) -> None:
        for key in keys:
            self.pinned.pop((kind, key), None)

    def all_held(self) -> Collection[Key]:
        return self.holds

    def memberships_of_members(
        self, members: Sequence[Key], kind: Kind = Kind.USER
    ) -> list[Membership]:
        rows = self.memberships.values()
        return [one for one in rows if one.member_kind is kind and one.member in members]

    def memberships_of_group(self, group: Key) -> list[Membership]:
        return [one for one in self.memberships.values() if one.group == group]

    def put_memberships(
        self, memberships: Sequence[Membership], before: Iterable[Membership]
    ) -> None:
        self.memberships |= {one.id: one for one in memberships}

    def due_memberships(self) -> Iterator[Membership]:
        yield from sorted(
            (one for one in self.memberships.values() if one.due), key=lambda one: one.id
        )

    def groups_with_wanted(self, groups: Sequence[Key]) -> set[Key]:
        return {one.group for one in self.memberships.values() if one.wanted} & set(groups)

    def count_acknowledged(self, groups: Sequence[Key]) -> dict[Key, int]:
        counts = {
            group: sum(one.acknowledged for one in self.memberships_of_group(group))
            for group in groups
        }
        return {group: number for group, number in counts.items() if number}

    def add_operations(self, operations: Sequence[Operation]) -> None:
        self.operations += operations

    def planned_keys(self, kind: Kind, keys: Sequence[Key], *actions: str) -> set[Key]:
        return {
            one.key
            for one in self._planned(kind)
            if one.key in keys and (not actions or one.action in actions)
        }

    def touched_keys(self, kind: Kind, keys: Sequence[Key]) -> set[Key]:
        return {one.key for one in self.operations if one.kind is kind} & set(keys)

    def keys_with(self, kind: Kind, actions: Sequence[str], size: int) -> Iterator[list[Key]]:
        keys = {one.key for one in self._planned(kind) if one.action in actions}
        return batches(sorted(keys), size)

    def claimed_names(self, kind: Kind, names: Sequence[str]) -> dict[str, Key]:
        return {
            one.unique_name: one.key
            for one in self.operations
            if one.kind is kind and one.unique_name is not None and one.unique_name in names
        }

    def adopted(self, kind: Kind, ids: Sequence[RemoteId]) -> dict[RemoteId, Key]:
        return {
            one.remote_id: one.key
            for one in self._planned(kind)
            if one.action == "adopt" and one.remote_id is not None and one.remote_id in ids
        }

    def adopted_ids(self, kind: Kind, keys: Sequence[Key]) -> dict[Key, RemoteId]:
        return {
            one.key: one.remote_id
            for one in self._planned(kind)
            if one.action == "adopt" and one.remote_id is not None and one.key in keys
        }

    def put_references(self, keys: Sequence[Key], references: Sequence[Reference]) -> None:
        self.references = [one for one in self.references if one.key not in keys]
        self.references += references

    def update_links(
        self,
        kind: Kind,
        links: Sequence[Link],
        unwanted: Sequence[Key],
        returned: Sequence[Key],
        due: Container[Key],
    ) -> None:
        self.updated_links += links
        self.unwanted += unwanted
        self.returned += returned

    def put_links(self, links: Sequence[Link]) -> None:
        self.known |= {(link.kind, link.key): link for link in links}

    def _accounts(self, kind: Kind) -> Iterator[Link]:
        return (one for (of, _), one in self.known.items() if of is kind and one.has_account)

    def _planned(self, kind: Kind) -> list[Operation]:
        return [one for one in self.operations if one.kind is kind and one.status in OPEN_STATUSES]


@dataclass
class MemoryTarget:
    """A target that knows some accounts, and what happened to resources in doubt."""

    accounts: dict[Key, tuple[Account, ...]] = field(default_factory=dict)
    refused: dict[Key, str] = field(default_factory=dict)
    held_now: dict[Key, dict[str, Any] | None] = field(default_factory=dict)
    unreadable: dict[Key, str] = field(default_factory=dict)
    created: set[Key] = field(default_factory=set)
    asked: list[Key] = field(default_factory=list)
    resources: dict[Key, dict[str, Any] | None] = field(default_factory=dict)
    failures: dict[Key, str] = field(default_factory=dict)
    unacknowledged: set[Key] = field(default_factory=set)
    invited: set[Key] = field(default_factory=set)
    rounds: int = 0
    doubt: ClockDoubt | None = None

    async def clock_doubt(self) -> ClockDoubt | None:
        return self.doubt

    async def find(
        self,
        wanted: Mapping[Key, Document],
        paths: Mapping[Key, Sequence[str]],
        *,
        proving: bool = False,
    ) -> tuple[dict[Key, tuple[Account, ...]], dict[Key, str]]:
        assert paths.keys() == wanted.keys()
        self.asked += wanted
        found = {key: self.accounts[key] for key in wanted if key in self.accounts}
        return found, {key: self.refused[key] for key in wanted if key in self.refused}

    def start_round(self) -> None:
        self.rounds += 1

    async def read_due(self) -> None:
        return

    async def read(
        self,
        links: dict[Key, Link],
        *,
        unwanted: Collection[Key] = (),
    ) -> None:
        for key, link in links.items():
            if not link.in_doubt:
                continue
            if key in self.unreadable:
                self.failures[key] = self.unreadable[key]
            elif key in self.held_now:
                self.resources[key] = self.held_now[key]
            if key in self.created:
                self.unacknowledged.add(key)
                links[key] = replace(link, status=LinkStatus.ACTIVE, remote_id=RemoteId("new"))

    def held(
        self, link: Link, resource: Mapping[str, object], wanted: Iterable[str] = ()
    ) -> Document:
        return {name: resource[name] for name in (*link.document, *wanted) if name in resource}


@dataclass
class Company:
    """Records, state, target and rules, and a planner over all of them."""

    rows: list[Record]
    rules: Rules = field(default_factory=Rules)
    known: Sequence[Link] = ()
    memberships: Sequence[Membership] = ()
    users: MemoryTarget | None = field(default_factory=MemoryTarget)
    groups: MemoryTarget = field(default_factory=MemoryTarget)
    tables: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.records = MemoryRecords(self.rows)
        links = {(link.kind, link.key): link for link in self.known}
        rows = {one.id: one for one in self.memberships}
        self.state = MemoryState(self.records, links, rows)

    def planner(self) -> TargetPlanner:
        return TargetPlanner(
            self.rules,
            self.state,
            self.records,
            Now(NOW, TODAY),
            None
            if self.users is None
            else TargetReader(self.users, self.users, self.users.clock_doubt),
            None
            if self.users is None
            else TargetReader(self.groups, self.groups, self.groups.clock_doubt),
            self.tables,
            has_groups=bool(self.rules.groups or self.state.group_keys(existing=False)),
        )

    async def plan(self, scope: Scope | None = None) -> TargetPlanner:
        """Plan, by default everything."""
        planner = self.planner()
        await planner.plan(scope or Scope(cursor=Seq(-1)))
        return planner

    def planned(self) -> list[tuple[str, str, str]]:
        """Kind, key and action of the planned operations, in the order in which they are sent."""
        some = sorted(self.state.operations, key=lambda one: one.phase)
        return [(one.kind, one.key, one.action) for one in some if one.status in OPEN_STATUSES]

    def failed(self) -> dict[str, str | None]:
        """Key -> why it could not be planned."""
        return {
            one.key: one.detail and text_of(one.detail)
            for one in self.state.operations
            if one.status not in OPEN_STATUSES
        }
