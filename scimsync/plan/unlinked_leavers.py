"""Users who should have no account and have no link: after a lost state, or a first deployment.

Their records say by what an account of theirs is found. Each version of a record is looked up once,
after everyone else is planned, so that an account goes first to the user who should have it.

A record that is gone from the source is no reason to look for an account that scimsync never had:
it may have come from a wrong file. A user who failed before the record went is different: several
accounts may match, or the search failed. Such a user is looked up by the last record, and counts as
a leaver who may still have access until the target shows that no active account matches.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from scimsync.desired import MatchValues, Program
from scimsync.errors import coded
from scimsync.model.accounts import Account
from scimsync.model.batches import batches
from scimsync.model.ids import Document, Key, Kind, RemoteId, Seq, Value, fold_value
from scimsync.model.links import Link, LinkStatus
from scimsync.model.persons import agree, is_another_user
from scimsync.model.records import Record
from scimsync.plan.batch import BATCH, Batch
from scimsync.plan.candidates import Policy
from scimsync.plan.decision_writer import Decisions
from scimsync.plan.protocols import PlanningState, Records
from scimsync.plan.unwanted import REMOVES_ACCESS, leave_policy

_AT_ONCE = 10_000
"""The number of users with accounts that are compared with all records at a time."""


@dataclass(frozen=True, slots=True)
class Search:
    """What an account of one user is looked up by, and a digest of the record.

    `values` are empty where the record has no value for an attribute of `match`. `failure` says
    which attribute could not be evaluated.
    """

    values: Document
    digest: str
    failure: str | None = None


class UnlinkedLeavers:
    """The unlinked leavers of one target, and the accounts that were found for them.

    `unsearchable` counts those whose records have no value to search by. `protected` are those
    whose account `protect` keeps as it is, with the reason.
    """

    def __init__(
        self,
        state: PlanningState,
        records: Records,
        program: Program,
        sources: Sequence[str],
        today: date,
        policy: Policy,
    ) -> None:
        self._state = state
        self._records = records
        self._program = program
        self._sources = sources
        self._today = today
        self._policy = policy
        self._waiting: dict[Key, bool] = {}
        self._expected: dict[Key, bool] = {}
        self._searches: dict[Key, Search] = {}
        self._found: dict[Key, tuple[Account, ...]] = {}
        self._failures: dict[Key, str] = {}
        self._taken: dict[RemoteId, Key] = {}
        self.unsearchable = 0
        self.protected: dict[Key, str] = {}

    @property
    def paths(self) -> Sequence[str]:
        """The attributes that are read of an account: the managed ones, and those of `match`."""
        match = () if self._program.match is None else self._program.match.attributes
        return tuple(dict.fromkeys([*self._program.paths, *(one.path for one in match)]))

    def look_up(self, batch: Batch, *, refreshes: bool) -> None:
        """Add the accounts that were found for unlinked leavers to `batch`.

        Those who have to be searched for first are taken out of it, and planned later. With
        `refreshes`, this includes users for whom an earlier run found nothing.
        """
        leavers = [key for key in batch.keys if self._is_unlinked_leaver(batch, key)]
        if not leavers:
            return
        ready = [key for key in leavers if key in self._expected]
        batch.looked_up.update(ready)
        batch.accounts |= {key: self._found[key] for key in ready if key in self._found}
        batch.failures |= {key: self._failures[key] for key in ready if key in self._failures}
        others = [key for key in leavers if key not in self._expected]
        later = self._not_looked_up(batch, others, refreshes=refreshes)
        self._waiting |= {
            key: key in batch.held or _may_have_access(batch.links.get(key)) for key in later
        }
        batch.keys = [key for key in batch.keys if key not in later]

    def next_keys(self) -> list[Key]:
        """Return the next users to search for, in order, and forget what was found before."""
        keys = sorted(self._waiting)[:_AT_ONCE]
        self._expected = {key: self._waiting.pop(key) for key in keys}
        self._searches.clear()
        self._found.clear()
        self._failures.clear()
        return keys

    def searches(self, keys: Sequence[Key]) -> dict[Key, Search]:
        """Return the values by which accounts of those `keys` with a record are looked up."""
        return {
            key: _search(record, self._values(record))
            for key, record in self._records.get(self._sources, keys).items()
        }

    def note_found(
        self,
        searches: Mapping[Key, Search],
        found: Mapping[Key, tuple[Account, ...]],
        refused: Mapping[Key, str],
    ) -> None:
        """Keep what was found for the users `searches`, and why some could not be searched for."""
        self._searches |= searches
        self._failures |= refused
        self._found |= found
        for key, search in searches.items():
            if key in found or key in refused:
                continue
            if search.failure is not None:
                self._failures[key] = search.failure
            elif not search.values:
                self.unsearchable += not self._expected[key]

    def leave_to_others(self) -> None:
        """Drop accounts that belong to others, or are wanted by others, of what was found.

        Of several leavers who match one account, it is of the one whom it does not contradict.
        """
        for key in sorted(self._expected.keys() - self._found.keys() - self._failures.keys()):
            search = self._searches.get(key)
            if self._expected[key] and (search is None or not search.values):
                why = "its account cannot be searched for: its record has no value to match by"
                self._failures[key] = coded(why, "SYNC-0374")
        free = {
            key: [account for account in accounts if account.owner is None]
            for key, accounts in self._found.items()
        }
        wanted = self._wanted_by_others([one for some in free.values() for one in some])
        left = {
            key: [account for account in accounts if account.remote_id not in wanted]
            for key, accounts in free.items()
        }
        coincidences = self._coincidences(
            {key: accounts[0] for key, accounts in left.items() if len(accounts) == 1}
        )
        for key in sorted(left, key=lambda key: (key in coincidences, key)):
            self._found[key] = tuple(
                account
                for account in left[key]
                if self._taken.setdefault(account.remote_id, key) == key
            )
        self._failures |= {key: why for key, why in coincidences.items() if self._found[key]}

    def _coincidences(self, found: Mapping[Key, Account]) -> dict[Key, str]:
        """Return why the only match of some users may be of another person."""
        coincidences: dict[Key, str] = {}
        for keys in batches(sorted(found), BATCH):
            for key, record in self._records.get(self._sources, keys).items():
                account = found[key]
                may_stay = account.active is False and not (
                    self._policy.leave.action == "delete" or self._policy.product.invites
                )
                if may_stay or account.protected_by is not None:
                    continue
                person = self._program.person_values(record, self._today)
                if is_another_user(person, account.identity):
                    coincidences[key] = coded(_why_another(person, account), "SYNC-0375")
        return coincidences

    def settle(self, batch: Batch, decisions: Decisions) -> None:
        """Store the users for whom nothing was found that must be removed.

        Users with a protected account are looked up again in each run: it may lose its protection.
        """
        self.protected |= decisions.protected
        settled = batch.looked_up - {operation.key for operation in decisions.operations}
        if settled:
            self._state.put_absent_users(
                {
                    key: self._searches[key].digest
                    for key in sorted(settled - decisions.protected.keys())
                    if key in self._searches
                },
                decisions.protected,
            )

    def _is_unlinked_leaver(self, batch: Batch, key: Key) -> bool:
        link = batch.links.get(key)
        is_known = key in batch.desired or key in batch.held or _has_failed(link)
        if not is_known or key in batch.failures or batch.is_wanted(key):
            return False
        if batch.has_account(key):
            return False
        leave = leave_policy(self._policy, held=key in batch.held)
        return leave in REMOVES_ACCESS and not batch.is_gone(key) and _must_be_found(link)

    def _not_looked_up(self, batch: Batch, keys: Sequence[Key], *, refreshes: bool) -> set[Key]:
        """Return those of `keys` that have to be searched for.

        Left out are users of whose record this version was looked up before, unless they have just
        been deprovisioned by hand or may still have access. Those whose only record was in a file
        that a guard refused are left out too.
        """
        if not keys:
            return set()
        can_search = self._program.match is not None and bool(self._program.match.attributes)
        known = self._state.absent_users(keys) if can_search and not refreshes else {}
        searches = self.searches(keys) if can_search else {}
        later: set[Key] = set()
        for key in keys:
            search, link = searches.get(key), batch.links.get(key)
            if _is_awaited(link, held=key in batch.held):
                is_deleted = link is not None and link.status is LinkStatus.DELETED
                if search is not None or not is_deleted:
                    later.add(key)
            elif search is not None and known.get(key) != search.digest:
                later.add(key)
        return later - self._never_accepted(batch, later)

    def _never_accepted(self, batch: Batch, keys: Collection[Key]) -> set[Key]:
        gone = [
            key
            for key in sorted(keys)
            if key not in batch.desired
            and key not in batch.held
            and not _may_have_access(batch.links.get(key))
        ]
        return self._records.never_accepted(self._sources, gone) if gone else set()

    def _wanted_by_others(self, accounts: Sequence[Account]) -> set[RemoteId]:
        """Return those of `accounts` that match a user who should have one and has none yet.

        If this cannot be determined for a user, the user counts as one who should.
        """
        by_value: dict[tuple[str, str | None], set[RemoteId]] = {}
        for account in accounts:
            for path, value in account.document.items():
                by_value.setdefault((path, fold_value(path, value)), set()).add(account.remote_id)
        wanted: set[RemoteId] = set()
        if not by_value:
            return wanted
        for chunk in batches(self._records.changed_keys(self._sources, Seq(-1)), BATCH):
            for found in self._without_account(chunk):
                for path, value in found.values.items():
                    wanted |= by_value.get((path, fold_value(path, value)), set())
        return wanted

    def _without_account(self, keys: Sequence[Key]) -> Iterator[MatchValues]:
        links = self._state.links(Kind.USER, keys)
        others = [key for key in keys if (link := links.get(key)) is None or not link.has_account]
        if not others:
            return
        held = self._state.held(others)
        for key, record in self._records.get(self._sources, others).items():
            if not record.removed and key not in held:
                found = self._values(record)
                if found.in_scope is not False:
                    yield found

    def _values(self, record: Record) -> MatchValues:
        return self._program.match_values(record, self._today)


def _why_another(person: Document, account: Account) -> str:
    """Return why an account that matches a person may be of another one."""
    how = f"matches by {account.found_by}, but its externalId or all names differ"
    if agree("externalId", person, account.identity):
        how = "has the same externalId, but userName and all names differ"
    return f"account {account.remote_id} {how}: it may be of another person"


def _must_be_found(link: Link | None) -> bool:
    """Return whether no link says where the account of a leaver is.

    A deleted account is looked up again only where something failed since, or its user is
    deprovisioned by hand.
    """
    if link is None or link.status is LinkStatus.PENDING:
        return True
    return link.status is LinkStatus.DELETED and link.is_due


def _is_awaited(link: Link | None, *, held: bool) -> bool:
    """Return whether a user is searched for in each run until the target shows the account."""
    return _may_have_access(link) or (held and link is not None and link.is_due)


def _has_failed(link: Link | None) -> bool:
    """Return whether something failed for a user before the row disappeared.

    Operations that were never sent did not fail. A creation without a response is not one of these
    failures: its account is recognized by its values.
    """
    if link is None or link.may_have_access_since is not None:
        return link is not None
    return link.status is LinkStatus.PENDING and link.failures > 0 and not link.in_doubt


def _may_have_access(link: Link | None) -> bool:
    return link is not None and link.may_have_access_since is not None


def _search(record: Record, found: MatchValues) -> Search:
    values = {path: value for path, value in found.values.items() if _is_simple(value)}
    failure = next(iter(found.failures.values()), None)
    text = json.dumps([values, record.data], sort_keys=True, default=str)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    if failure is None:
        return Search(values, digest)
    why = coded(failure.message.removeprefix(f"{record.key}: "), failure.code)
    return Search(values, digest, why)


def _is_simple(value: Value) -> bool:
    return isinstance(value, (str, int, float, bool))
