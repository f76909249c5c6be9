"""Compare the accounts of a target with its links, page by page.

A page is compared with the links of its ids while the next one is requested. Differences are noted,
and read again once the list has ended: lists may be abridged, or out of date by then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

from scimsync.config.targets import Unmanaged
from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.model.ids import Key, Kind, RemoteId, fold_name
from scimsync.model.links import KnownResource
from scimsync.plan.document_diff import short_path
from scimsync.plan.protection import protected_by
from scimsync.reconcile.comparison import ShownRules, compare, is_removed
from scimsync.reconcile.drift_findings import Drift, FindingLog, ReconcileFinding
from scimsync.reconcile.opened import OpenedTarget
from scimsync.reconcile.read_again import ResourceCheck
from scimsync.reconcile.read_back import ReadBack
from scimsync.scim.attributes import resource_id
from scimsync.scim.resources import project
from scimsync.state import known_resources, link_store
from scimsync.state.store import Store

MOST_UNLISTED: Final = 1_000
"""The number of linked accounts that are read one by one where a list is not whole and lacks them.
Where it lacks more, only the list is reported."""

_BATCH: Final = 500
_SAMPLES: Final = 5

Progress = Callable[[str, int, int | None], None]
Resource = dict[str, Any]


@dataclass(slots=True)
class _Listed:
    """What the pages of a list showed so far.

    `shown` are paths that the list shows of some account, and `absent` counts the accounts that
    should have a value at a path and show none. `shapes` are the sets of paths that came already.
    """

    compared: int = 0
    shown: set[str] = field(default_factory=set)
    absent: Counter[str] = field(default_factory=Counter)
    shapes: set[tuple[str, ...]] = field(default_factory=set)
    protected: int = 0

    def note(self, document: Mapping[str, Any], absent: Sequence[str]) -> None:
        """Note which attributes of an account are shown."""
        if absent:
            self.absent.update(absent)
            self.shown.update(path for path in document if path not in absent)
        elif (shape := tuple(document)) not in self.shapes:
            self.shapes.add(shape)
            self.shown.update(shape)


class AccountComparison:
    """The comparison of the accounts of one target. It receives the pages of their list."""

    def __init__(
        self, opened: OpenedTarget, store: Store, log: FindingLog, read_back: ReadBack
    ) -> None:
        self._opened = opened
        self._store = store
        self._log = log
        self._read_back = read_back
        self._check = ResourceCheck(opened, store, Kind.USER, log)
        self._rules: ShownRules = self._check.rules(Key(""))
        self._listed = _Listed()
        self._differing = read_back.new_file()
        self._unlinked = read_back.new_file()
        self.notes: list[str] = []

    @property
    def compared(self) -> int:
        """The number of linked accounts that the list shows."""
        return self._listed.compared

    @property
    def gone(self) -> Collection[Key]:
        """The users with an account that no longer exists under its id."""
        return self._check.gone

    async def run(self, progress: Progress) -> None:
        """Read the list, compare it, and read again what differs. Raise RequestError."""
        target, name = self._opened.compiled, self._opened.name
        if target.profile.lists_lie:
            product = target.policy.product.name
            self.notes.append(
                f"the lists of {product} do not show its accounts: each linked account is read, and"
                " accounts that no user is linked to are not found"
            )
            await self._check_all(name, progress)
            return
        await self._read_back.read(
            self._opened.reader,
            Kind.USER,
            target.identity_paths,
            self,
            lambda number, total: progress("reading accounts", number, total),
            concurrency=self._opened.compiled.concurrency,
        )
        await self._settle_absent()
        await self._check_some(self._differing_keys(), "comparing accounts", progress)
        await self._check_missing(progress)
        self._add_unmanaged()

    # The pages, in another thread

    def start(self) -> None:
        """Forget the pages so far."""
        self._listed = _Listed()
        for file in (self._differing, self._unlinked):
            file.write_bytes(b"")

    def take(self, resources: Sequence[Resource]) -> None:
        """Compare one page with the links of its ids, and note what differs."""
        named = [(resource_id(resource), resource) for resource in resources]
        ids = [remote_id for remote_id, _ in named if remote_id is not None]
        with self._store.read() as connection:
            known = known_resources.known_by_id(connection, self._opened.name, Kind.USER, ids)
        of_others = self._of_others(ids)
        differing, unlinked = [], []
        for remote_id, resource in named:
            if remote_id is None:
                continue
            of_id = known.get(remote_id)
            if of_id is None or (not of_id[0].has_account and remote_id in of_others):
                if protected_by(self._opened.compiled.policy, Kind.USER, resource) is None:
                    unlinked.append(_line([remote_id]))
            elif (row := self._compare(of_id, resource)) is not None:
                differing.append(_line(row))
        for file, lines in ((self._differing, differing), (self._unlinked, unlinked)):
            if lines:
                with file.open("ab") as stream:
                    stream.writelines(lines)

    def _of_others(self, ids: Sequence[str]) -> set[str]:
        """Return the accounts that another target at the same service has."""
        found: set[str] = set()
        others = self._opened.others_at_service
        if others:
            with self._store.read() as connection:
                for other in others:
                    some = [RemoteId(one) for one in ids]
                    found |= link_store.owners(connection, other, Kind.USER, some).keys()
        return found

    def _compare(self, of_id: Sequence[KnownResource], resource: Resource) -> list[Any] | None:
        """Return the key and absent attributes of an account that differs, or None."""
        known = of_id[0]
        self._listed.compared += known.has_account
        if len(of_id) > 1 and of_id[1].has_account:
            return [known.key, [], True, [one.key for one in of_id if one.has_account]]
        if known.in_doubt:
            return [known.key, [], True, []]
        found = compare(Kind.USER, known, resource, self._rules)
        absent = () if found is None else found.absent
        self._listed.note(known.document, absent)
        if found is None:
            if is_removed(known, resource):
                self._log.add_removed(known.key)
            return None
        others = found.drift is not None or len(absent) < len(found.changes)
        return [known.key, absent, others, []]

    # After the list

    async def _settle_absent(self) -> None:
        """Find out which attributes the target never shows: a list may leave them out.

        Those are not compared.
        """
        listed = self._listed
        unshown = {
            path
            for path, number in listed.absent.items()
            if number > 1 and path not in listed.shown
        }
        if not unshown:
            return
        keys = [Key(row[0]) for row, _ in zip(self._rows(), range(_SAMPLES), strict=False)]
        for resource in await self._check.sample(keys):
            unshown -= project(resource, unshown).keys()
        self._check.never_shown = frozenset(unshown)
        for path in sorted(unshown):
            number = plural(listed.absent[path], "account")
            self.notes.append(
                f"{short_path(path)} is not compared: the target shows it for none of {number}"
            )

    def _rows(self) -> Iterator[list[Any]]:
        if self._differing.exists():
            with self._differing.open("rb") as lines:
                yield from map(orjson.loads, lines)

    def _differing_keys(self) -> Iterator[Key]:
        """Yield the keys of accounts to read again, after adding accounts that two keys share."""
        for key, absent, others, sharers in self._rows():
            if sharers:
                self._add_shared(key, sharers)
            elif others or not self._check.never_shown.issuperset(absent):
                yield Key(key)

    def _add_shared(self, key: str, sharers: Sequence[str]) -> None:
        with self._store.read() as connection:
            link = link_store.get_links(connection, self._opened.name, Kind.USER, [Key(key)]).get(
                Key(key)
            )
        if link is not None:
            self._log.add(
                ReconcileFinding(
                    drift=Drift.SHARED,
                    kind=Kind.USER,
                    key=link.key,
                    remote_id=link.remote_id,
                    name=link.document.get("userName"),
                    others=tuple(Key(one) for one in sharers if one != key),
                )
            )

    async def _check_some(self, keys: Iterator[Key], what: str, progress: Progress) -> None:
        for some in batches(keys, _BATCH):
            await self._check.check(sorted(some), self._opened.compiled.concurrency)
            progress(what, len(some), None)

    async def _check_missing(self, progress: Progress) -> None:
        """Read the linked accounts that the list does not show."""
        self._load_linked()
        missing = (
            "FROM linked WHERE NOT EXISTS"
            " (FROM resource WHERE resource.kind = 'user' AND resource.id = linked.id)"
        )
        database = self._read_back.connection.cursor()
        row = database.execute(f"SELECT count(*) {missing}").fetchone()
        number = int(row[0]) if row else 0
        problems, accounts = self._read_back.problems, self._read_back.number(Kind.USER)
        if number > 1 and not accounts and problems[Kind.USER] is None:
            linked = plural(number, "account")
            problems[Kind.USER] = f"/Users: the list is empty, although {linked} are linked"
        if problems[Kind.USER] is not None and number > MOST_UNLISTED:
            self.notes.append(
                f"{plural(number, 'linked account')} that the list does not show were not read"
            )
            return
        rows = database.execute(f"SELECT key {missing}")
        while some := rows.fetchmany(_BATCH):
            keys = iter([Key(key) for (key,) in some])
            await self._check_some(keys, "reading missing accounts", progress)

    def _load_linked(self) -> None:
        file = self._read_back.new_file()
        with file.open("wb") as stream, self._store.read() as connection:
            for key, remote_id in known_resources.accounts(
                connection, self._opened.name, Kind.USER
            ):
                row = {"key": key, "id": remote_id}
                stream.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
        self._read_back.load("linked", {"key": "VARCHAR", "id": "VARCHAR"}, file)

    async def _check_all(self, name: str, progress: Progress) -> None:
        """Read each linked account, where lists show none."""
        with self._store.read() as connection:
            keys = [key for key, _ in known_resources.accounts(connection, name, Kind.USER)]
        self._listed.compared = len(keys)
        await self._check_some(iter(keys), "reading accounts", progress)

    def _add_unmanaged(self) -> None:
        """Add the accounts that no user is linked to, and that no open request may have created."""
        if not self._unlinked.exists() or not self._unlinked.stat().st_size:
            return
        with self._unlinked.open("rb") as lines:
            ids = (orjson.loads(line)[0] for line in lines)
            for some in batches(ids, _BATCH):
                self._add_unmanaged_of(some)

    def _add_unmanaged_of(self, ids: Sequence[str]) -> None:
        name = self._opened.name
        with self._store.read() as connection:
            known = known_resources.known_by_id(connection, name, Kind.USER, ids)
            in_doubt = known_resources.names_in_doubt(connection, name, Kind.USER)
        rows = self._read_back.connection.execute(
            "SELECT id, name, active FROM resource WHERE kind = 'user' AND id IN"
            " (SELECT unnest(?::VARCHAR[])) ORDER BY name, id",
            [list(ids)],
        ).fetchall()
        of_others = self._of_others(ids)
        deactivates = self._opened.compiled.config.unmanaged is Unmanaged.DEACTIVATE
        for remote_id, shown, active in rows:
            if remote_id in known or remote_id in self._check.new_ids or remote_id in of_others:
                continue
            if fold_name(shown) in in_doubt or (deactivates and active is False):
                continue
            self._log.add(
                ReconcileFinding(
                    drift=Drift.UNMANAGED,
                    kind=Kind.USER,
                    key=None,
                    remote_id=RemoteId(remote_id),
                    name=shown,
                    detail="" if active is not False else "inactive",
                )
            )


def _line(row: Sequence[Any]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
