"""The rows of users and accounts: which accounts match whom, and what is left over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from scimsync.adoption.classify import leaver_outcome, outcome_of
from scimsync.adoption.existing_accounts import ExistingAccount, existing_account
from scimsync.adoption.found import Found, found_of
from scimsync.adoption.lookalikes import Resemblance, Unclaimed, marks_of, marks_of_document
from scimsync.adoption.row_files import UserRows
from scimsync.adoption.rows import AdoptionOutcome, UserRow
from scimsync.desired import DesireError
from scimsync.disk_collections import DiskList, DiskMap
from scimsync.model.batches import batches
from scimsync.model.ids import Document, Key, Kind, RemoteId, Seq
from scimsync.model.links import Link
from scimsync.model.operations import JournaledOperation
from scimsync.model.records import Record
from scimsync.plan import Now
from scimsync.plan.adoption import matched_by
from scimsync.plan.protection import protected_by
from scimsync.plan.protocols import Records
from scimsync.run.target_run import TargetRun
from scimsync.scim.listing import identity_of
from scimsync.targets.account_finder import to_account
from scimsync.targets.matching import MatchResult
from scimsync.targets.resource_list import ResourceList

_BATCH = 500

_MAX_MATCHES = 5
"""The number of accounts of one leaver that are shown."""

_UNSEEN = Seq(-1)
"""A cursor before all records."""


@dataclass(slots=True)
class UserSurvey:
    """The users and accounts of one target, after it was planned.

    `found` is what the plan found for users, and `accounts` the list that it matched in, None
    where lists show nothing. `rows` and `out_of_scope` are the result of `take`.
    """

    target: TargetRun
    records: Records
    now: Now
    found: DiskMap[Found]
    accounts: ResourceList | None
    rows: UserRows = field(default_factory=UserRows)
    out_of_scope: int = 0
    _leavers: DiskList[Key] = field(default_factory=DiskList)
    _before_leavers: int = 0

    def take(self) -> None:
        """Compare all records with the accounts, those of leavers after all others."""
        sources = self.target.compiled.sources
        for keys in batches(self.records.changed_keys(sources, _UNSEEN), _BATCH):
            leavers: list[Key] = []
            self.rows.add(list(self._users(keys, leavers)))
            self._leavers.add(leavers)
        self._before_leavers = len(self.rows)
        for keys in batches(self._leavers, _BATCH):
            self.rows.add(list(self._leaver_rows(keys)))
        unclaimed = Unclaimed()
        for accounts in batches(self._without_record(), _BATCH):
            self.rows.add([_row_without_record(account) for account in accounts])
            unclaimed.add(account for account in accounts if account.protected_by is None)
        self._compare(unclaimed)

    # Users with a record

    def _users(self, keys: Sequence[Key], leavers: list[Key]) -> Iterator[UserRow]:
        """Yield the rows of users who should have an account or have one, and note the others."""
        state, compiled = self.target.state, self.target.compiled
        records = self.records.get(compiled.sources, keys)
        links = state.links(Kind.USER, keys)
        held = state.held(keys)
        planned = {one.key: one for one in state.operations_of(Kind.USER, keys)}
        for key, record in records.items():
            link = links.get(key)
            is_linked = link is not None and link.has_account
            if record.removed:
                continue
            wanted = None if key in held else self._wanted(record)
            if wanted is None and not is_linked:
                leavers.append(key)
                continue
            yield self._row(key, wanted or {}, planned.get(key), link)

    def _wanted(self, record: Record) -> Document | None:
        """Return the desired document for the account of a record, or None out of scope.

        A record that cannot be evaluated is unknown.
        """
        try:
            desired = self.target.compiled.program.desire(record, self.now.today)
        except DesireError:
            return {}
        return {**desired.once, **desired.document} if desired.in_scope else None

    def _row(
        self,
        key: Key,
        wanted: Document,
        operation: JournaledOperation | None,
        link: Link | None,
    ) -> UserRow:
        is_linked = link is not None and link.has_account
        found = self.found.get(key)
        accounts = () if found is None else found.accounts
        outcome = outcome_of(operation, accounts, is_linked=is_linked)
        if is_linked and link is not None:
            wanted, accounts = link.document, self._linked(link)
        matched: tuple[str, ...] = () if found is None or is_linked else (found.by,)
        adopted = outcome in (AdoptionOutcome.MATCH, AdoptionOutcome.WEAK_MATCH)
        detail = None if operation is None else operation.detail
        if operation is None and link is not None and not is_linked:
            detail = link.last_error
        return UserRow(
            outcome,
            key,
            name_in(wanted),
            _text(wanted.get("userName")),
            accounts,
            operation.matched if adopted and operation is not None else matched,
            operation.changes if adopted and operation is not None else (),
            detail,
        )

    def _linked(self, link: Link) -> tuple[ExistingAccount, ...]:
        """Return the account of a link, as the list shows it."""
        remote_id = link.remote_id or RemoteId("")
        resource = None if self.accounts is None else self.accounts.get(remote_id)
        if resource is None:
            return (ExistingAccount(remote_id),)
        return (self._account(resource),)

    # Users who should have no account

    def _leaver_rows(self, keys: Sequence[Key]) -> Iterator[UserRow]:
        compiled, state = self.target.compiled, self.target.state
        records = self.records.get(compiled.sources, keys)
        planned = {one.key: one for one in state.operations_of(Kind.USER, keys)}
        for key, record in records.items():
            match = compiled.program.match_values(record, self.now.today)
            found = self.found.get(key) or self._in_list(match.values)
            accounts = self._free(() if found is None else found.accounts)
            if found is None or not accounts:
                self.out_of_scope += 1
                continue
            yield UserRow(
                leaver_outcome(accounts),
                key,
                accounts[0].name,
                _text(match.values.get("userName")),
                accounts,
                self._matched(match.values, found.by, accounts[0]),
                detail=_what_happens(planned.get(key), accounts),
            )

    def _in_list(self, values: Document) -> Found | None:
        """Return the accounts in the list that match, by the first attribute that finds some."""
        for path in self.target.compiled.config.match if self.accounts is not None else ():
            value = values.get(path)
            if value is None or isinstance(value, dict | list) or self.accounts is None:
                continue
            resources = self.accounts.find(path, value, _MAX_MATCHES)
            if resources:
                return found_of(
                    MatchResult(path, resources), self.target.compiled.policy, Kind.USER
                )
        return None

    def _free(self, accounts: Sequence[ExistingAccount]) -> tuple[ExistingAccount, ...]:
        """Return the accounts that are not those of users who should have one."""
        ids = [one.remote_id for one in accounts]
        taken = self.rows.taken(ids, self._before_leavers)
        owners = self.target.state.owners(Kind.USER, ids)
        return tuple(
            one for one in accounts if one.remote_id not in taken and one.remote_id not in owners
        )

    def _matched(self, values: Document, by: str, account: ExistingAccount) -> tuple[str, ...]:
        resource = None if self.accounts is None else self.accounts.get(account.remote_id)
        return (by,) if resource is None else matched_by(values, to_account(by, resource, ()))

    # Accounts without a record

    def _without_record(self) -> Iterator[ExistingAccount]:
        if self.accounts is None:
            return
        for resources in batches(self.accounts, _BATCH):
            listed = {RemoteId(identity_of(resource)): resource for resource in resources}
            taken = self.rows.taken(list(listed))
            owners = self.target.state.owners(Kind.USER, list(listed.keys() - taken))
            for remote_id, resource in listed.items():
                if remote_id not in taken and remote_id not in owners:
                    yield self._account(resource)

    def _account(self, resource: Mapping[str, object]) -> ExistingAccount:
        policy = self.target.compiled.policy
        return existing_account(resource, protected_by(policy, Kind.USER, resource))

    def _compare(self, unclaimed: Unclaimed) -> None:
        """Note which accounts without a record resemble a user."""
        if not unclaimed:
            return
        for some in self.rows.users():
            numbered = {
                row.key: (number, row)
                for number, row in some
                if row.key is not None and row.outcome is not AdoptionOutcome.PROTECTED
            }
            records = self.records.get(self.target.compiled.sources, list(numbered))
            compared = [
                (number, replace(row, resembles=self._alike(records[key], row, unclaimed)))
                for key, (number, row) in numbered.items()
                if key in records
            ]
            self.rows.replace([one for one in compared if one[1].resembles])

    def _alike(self, record: Record, row: UserRow, unclaimed: Unclaimed) -> tuple[Resemblance, ...]:
        marks = marks_of_document(self._wanted(record) or {})
        for account in row.accounts:
            marks += marks_of(account)
        return unclaimed.like(marks, surely=bool(row.accounts))


def _row_without_record(account: ExistingAccount) -> UserRow:
    protected = account.protected_by is not None
    outcome = AdoptionOutcome.PROTECTED if protected else AdoptionOutcome.UNMATCHED
    return UserRow(outcome, accounts=(account,))


def name_in(document: Document) -> str | None:
    """Return the name of the user with a document: displayName, or given and family name."""
    parts = (document.get("name.givenName"), document.get("name.familyName"))
    full_name = " ".join(part for part in parts if isinstance(part, str))
    return _text(document.get("displayName")) or full_name or _text(document.get("name.formatted"))


def _what_happens(
    operation: JournaledOperation | None, accounts: Sequence[ExistingAccount]
) -> str | None:
    """Return what a push does with the account of a leaver, or why it does nothing."""
    if operation is not None:
        return operation.detail or f"a push would {operation.action} the account"
    if accounts[0].protected_by is not None:
        return "stays as it is"
    if accounts[0].active is False:
        return "is deactivated already"
    return "stays active, as the settings of the target say"


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
