"""Which operation each candidate needs: the pure difference between desired documents and links.

A candidate is classified, and a table names the rule that applies:

| candidate | state at the target | rule |
| --- | --- | --- |
| wanted | no account; none found by matching | create |
| wanted | no account; found by matching | adopt |
| wanted | linked, holds something else | update, reactivate or deactivate: `_DIFFERENCES` |
| wanted | linked, holds what it should | update the link |
| unwanted | no account; none found by matching | forget |
| unwanted | no account; found by matching | deactivate or delete |
| unwanted | linked | deactivate, delete, revoke, update the link or ignore: `_UNWANTED` |

Users and groups follow the same rules. `Traits` holds what differs between them. There is no clock,
network or database here; the current time is an argument.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from scimsync.errors import coded
from scimsync.model.accounts import Account
from scimsync.model.changes import Change, takes_access
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Kind, Value, fold_name
from scimsync.model.links import Link, LinkStatus, Reference
from scimsync.model.operations import Action, Operation, OperationStatus, Phase
from scimsync.model.placeholders import IdOf, RandomText, secrets_of
from scimsync.plan.adoption import matched_by, why_not_adopted
from scimsync.plan.candidates import Candidate, Policy, Surroundings
from scimsync.plan.deletions import deletion_time, first_seen, is_confirmed, is_due, uncounted
from scimsync.plan.diff import changes_between, describe_changes, hide_sensitive
from scimsync.plan.protection import why_protected

UNACKNOWLEDGED = "an earlier run created it without receiving the response"

_REST_FOLLOWS = "all other changes are planned after that"


@dataclass(frozen=True, slots=True)
class Traits:
    """The differences between kinds of resources: the words of reasons, and the phases."""

    kind: Kind
    noun: str
    holder: str
    leave: Phase
    delete: Phase
    update: Phase
    create: Phase
    reference: Phase
    waits_for_names: bool

    @property
    def unique(self) -> str:
        """The attribute that no two resources of this kind share."""
        return UNIQUE_ATTRIBUTE[self.kind]


USERS = Traits(
    kind=Kind.USER,
    noun="account",
    holder="the account of",
    leave=Phase.LEAVE,
    delete=Phase.DELETE,
    update=Phase.UPDATE,
    create=Phase.CREATE,
    reference=Phase.REFERENCE,
    waits_for_names=True,
)

GROUPS = Traits(
    kind=Kind.GROUP,
    noun="group",
    holder="the group",
    leave=Phase.GROUP,
    delete=Phase.DELETE_GROUP,
    update=Phase.GROUP,
    create=Phase.GROUP,
    reference=Phase.GROUP,
    waits_for_names=False,
)


class LeavePolicy(StrEnum):
    """The treatment of the account of an unwanted candidate."""

    DELETE = "delete"
    DEACTIVATE = "deactivate"
    KEEP = "keep"
    OFF = "off"
    """`actions.remove = false`."""


REMOVES_ACCESS = (LeavePolicy.DELETE, LeavePolicy.DEACTIVATE)
"""The policies under which an unwanted account may not stay active."""


class AccountState(StrEnum):
    """The state of an unwanted candidate's account, and for inactive ones the work that remains."""

    ACTIVE = "active"
    MAYBE_REACTIVATED = "maybe reactivated"
    DELETION_DUE = "deletion due"
    DELETION_UNCONFIRMED = "deletion due, to be confirmed"
    REVOCATION_DUE = "revocation due"
    INACTIVE = "inactive"


@dataclass(slots=True)
class Decisions:
    """The outcome for a batch of candidates.

    `references` are all references of the wanted candidates. `updated_links` are links that change
    without an operation. `found_links` are those of accounts that were found and are to be removed.
    `unwanted` are keys whose pending link is dropped. `returned` are keys that had left and are
    wanted again, whether or not that succeeds. `unconfirmed` are keys of accounts whose deletion is
    due and waits for another run. `passed` are keys that get the userName of another one.
    """

    operations: list[Operation] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    updated_links: list[Link] = field(default_factory=list)
    found_links: list[Link] = field(default_factory=list)
    unwanted: list[Key] = field(default_factory=list)
    returned: list[Key] = field(default_factory=list)
    unconfirmed: list[Key] = field(default_factory=list)
    passed: list[Key] = field(default_factory=list)


def decide(
    candidates: Sequence[Candidate],
    traits: Traits,
    policy: Policy,
    around: Surroundings,
    now: datetime,
) -> Decisions:
    """Return the operations that `candidates` need, in their order.

    `now` decides which deletions are due.
    """
    batch = _Batch(traits, policy, around, now)
    for candidate in candidates:
        batch.add(candidate)
    return batch.decisions


def leave_policy(policy: Policy, *, held: bool, action: str | None = None) -> LeavePolicy:
    """Return what becomes of an unwanted account.

    `held`: its user was deprovisioned by hand, which overrides `keep` and `remove`. `action` is the
    leave action of a group's own table.
    """
    action = action or policy.leave.action
    if held:
        return LeavePolicy.DELETE if action == "delete" else LeavePolicy.DEACTIVATE
    if not policy.remove:
        return LeavePolicy.OFF
    return LeavePolicy.KEEP if action == "empty" else LeavePolicy(action)


class _Batch:
    """The decisions so far. `_claims` grows, so that no two candidates get the same name."""

    def __init__(self, traits: Traits, policy: Policy, around: Surroundings, now: datetime) -> None:
        self._traits = traits
        self._policy = policy
        self._around = around
        self._now = now
        self._claims = dict(around.claimed)
        self._adopted = dict(around.adopted)
        self.decisions = Decisions()

    def add(self, candidate: Candidate) -> None:
        link = candidate.link
        if candidate.failure is not None:
            if link is not None and link.left_at is not None:
                self.decisions.returned.append(candidate.key)
            self._fail(candidate, candidate.failure)
        elif candidate.is_wanted:
            self._add_wanted(candidate)
        elif link is None or not link.has_account or candidate.gone:
            if not self._remove_found(candidate):
                self._forget(candidate, link)
        else:
            self._add_unwanted(candidate, link)

    # Wanted candidates

    def _add_wanted(self, candidate: Candidate) -> None:
        desired, link = candidate.desired, candidate.link
        assert desired is not None  # noqa: S101 - it is wanted
        self.decisions.references += [
            Reference(self._traits.kind, candidate.key, path, value.key)
            for path, value in desired.document.items()
            if isinstance(value, IdOf)
        ]
        after = self._resolve(desired.document)
        if link is not None and link.left_at is not None:
            self.decisions.returned.append(candidate.key)
        if link is not None and link.has_account and not candidate.gone:
            if candidate.unacknowledged:  # the request that had no response sent them, or was none
                before = {**candidate.before, **secrets_of(after)}
                candidate = replace(candidate, before=before)
            self._keep_waiting(candidate, desired.document, after)
            self._compare(candidate, link, after)
            return
        accounts = self._adoptable(candidate)
        if accounts:
            self._adopt(candidate, accounts, after)
        else:
            self._create(candidate, after)

    def _adoptable(self, candidate: Candidate) -> tuple[Account, ...]:
        """Return the accounts that matching found.

        An account of another key that was found by its unique name does not count: the name is
        about to be free, or the conflict of names is reported.
        """
        return tuple(
            account
            for account in candidate.accounts
            if account.owner is None or account.found_by != self._traits.unique
        )

    def _create(self, candidate: Candidate, after: dict[str, Value]) -> None:
        desired, link = candidate.desired, candidate.link
        assert desired is not None  # noqa: S101 - it is wanted
        if not self._policy.create:
            self._forget(candidate, link)
            return
        after |= self._resolve(desired.once)
        after |= {path: RandomText(length) for path, length in desired.generate.items()}
        if self._name_is_taken(candidate, after):
            return
        noun = self._traits.noun
        if candidate.gone:
            reason = f"the {noun} is gone at the target"
        elif link is not None and link.status is LinkStatus.DELETED:
            reason = f"came back; the {noun} was deleted"
        elif link is not None and link.failures:
            reason = f"no {noun} yet; the last try failed"
        else:
            reason = f"no {noun} yet"
        self._operation(
            candidate, Action.CREATE, self._traits.create, reason, changes_between({}, after)
        )

    def _adopt(
        self, candidate: Candidate, accounts: Sequence[Account], after: dict[str, Value]
    ) -> None:
        account = accounts[0]
        obstacle = self._why_not_adoptable(candidate, accounts)
        if obstacle is not None:
            self._fail(candidate, obstacle)
            return
        if not self._policy.update:
            self._forget(candidate, candidate.link)
            return
        if not self._policy.remove and account.active is not False and after.get("active") is False:
            del after["active"]
        if account.active is False and "active" not in after:
            after["active"] = True
        base = {path: value for path, value in account.document.items() if path in after}
        base |= secrets_of(after)  # an adoption sends none
        if account.active is False:
            base["active"] = False
        if self._name_is_taken(candidate, after, before=base):
            return
        desired = candidate.desired
        assert desired is not None  # noqa: S101 - it is wanted
        self._operation(
            candidate,
            Action.ADOPT,
            self._traits.update,
            f"{self._traits.kind.a_noun} with the same {account.found_by} exists",
            changes_between(base, after),
            matched=matched_by({**desired.once, **desired.document}, account),
            remote_id=account.remote_id,
            base=base,
            unique_name=fold_name(after.get(self._traits.unique)),
        )

    def _why_not_adoptable(self, candidate: Candidate, accounts: Sequence[Account]) -> str | None:
        """Return why an account that matches cannot be adopted, or None if it can."""
        account, noun = accounts[0], self._traits.noun
        if len(accounts) > 1:
            return self._ambiguous(accounts)
        owner = account.owner or self._adopted.setdefault(account.remote_id, candidate.key)
        if owner != candidate.key:
            account_text = f"the {noun} that matches by {account.found_by} ({account.remote_id})"
            return coded(f"{account_text} belongs to {owner}", "SYNC-0343")
        protected = why_protected(account.protected_by, account.remote_id, Action.ADOPT)
        if protected is not None:
            return protected
        why_not = why_not_adopted(self._policy, self._traits.kind, candidate.key)
        if why_not is not None:
            what = f"{self._traits.kind.a_noun} with the same {account.found_by} exists"
            return coded(f"{what} ({account.remote_id}); {why_not}", "SYNC-0360")
        return None

    def _ambiguous(self, accounts: Sequence[Account]) -> str:
        ids = ", ".join(match.remote_id for match in accounts[:5])
        what = f"{len(accounts)} {self._traits.noun}s match by {accounts[0].found_by}"
        return coded(f"ambiguous: {what}: {ids}", "SYNC-0342")

    def _compare(self, candidate: Candidate, link: Link, after: dict[str, Value]) -> None:
        desired = candidate.desired
        assert desired is not None  # noqa: S101 - it is wanted
        create_only = {*desired.once, *desired.generate}
        before = {
            path: value for path, value in candidate.before.items() if path not in create_only
        }
        inactive = link.status is LinkStatus.INACTIVE
        if "active" not in after and (inactive or "active" in before):
            after["active"] = True
            if inactive:
                before["active"] = False
        changes = changes_between(before, after)
        rule = _DIFFERENCES[_difference(changes, inactive=inactive)]
        rule(self, candidate, link, before, after, changes)

    def _update_link_or_acknowledge(
        self,
        candidate: Candidate,
        link: Link,
        _before: Document,
        after: Document,
        _changes: tuple[Change, ...],
    ) -> None:
        if candidate.moved is not None:
            self._operation(
                candidate,
                Action.MOVE,
                self._traits.update,
                "nothing else changes",
                remote_id=link.remote_id,
            )
        elif candidate.unacknowledged:
            self._operation(
                candidate,
                Action.ADOPT,
                self._traits.update,
                UNACKNOWLEDGED,
                remote_id=link.remote_id,
                base=candidate.before,
                unique_name=fold_name(after.get(self._traits.unique)),
            )
        else:
            self._update_link(candidate, link, after)

    def _deactivate_wanted(
        self,
        candidate: Candidate,
        link: Link,
        before: Document,
        after: Document,
        changes: tuple[Change, ...],
    ) -> None:
        """Deactivate a candidate in scope whose `active` became false.

        Access ends at once. Where names conflict or references are not resolved yet, `active` is
        sent alone.
        """
        if not self._policy.remove:
            self._update_without_active(candidate, link, before, after, changes)
            return
        active_change = next(change for change in changes if change.path == "active")
        reason = "active became false"
        if not self._policy.update:
            changes = (active_change,)
        active_only = any(isinstance(change.after, IdOf) for change in changes)
        unique = self._traits.unique
        if not active_only and any(change.path == unique for change in changes):
            conflict = self._why_name_is_not_free(candidate, after)
            if conflict is None:
                self._claims.setdefault(fold_name(after[unique]) or "", candidate.key)
            else:
                reason, active_only = f"{reason}; {conflict}", True
        self._operation(
            candidate,
            Action.DEACTIVATE,
            self._traits.leave,
            reason,
            (active_change,) if active_only else changes,
            remote_id=link.remote_id,
            base=candidate.before if candidate.read_again else None,
            detail=_REST_FOLLOWS if active_only else None,
        )

    def _update_without_active(
        self,
        candidate: Candidate,
        link: Link,
        before: Document,
        after: Document,
        changes: tuple[Change, ...],
    ) -> None:
        """Send the other changes of an account that may not be deactivated."""
        changes = tuple(change for change in changes if change.path != "active")
        if changes:
            self._update(candidate, link, before, after, changes)
        else:
            self._ignore(candidate, link)

    def _reactivate(
        self,
        candidate: Candidate,
        link: Link,
        before: Document,
        after: Document,
        changes: tuple[Change, ...],
    ) -> None:
        self._change(candidate, link, before, after, changes, Action.REACTIVATE, "back in scope")

    def _update(
        self,
        candidate: Candidate,
        link: Link,
        before: Document,
        after: Document,
        changes: tuple[Change, ...],
    ) -> None:
        reason = describe_changes(changes)
        action = Action.UPDATE
        if _is_move(link, changes):
            action = Action.MOVE
            if candidate.moved is None:
                reason = f"moved from {link.moved_from} by hand; {reason}"
        self._change(candidate, link, before, after, changes, action, reason)

    def _change(
        self,
        candidate: Candidate,
        link: Link,
        before: Document,
        after: Document,
        changes: tuple[Change, ...],
        action: Action,
        reason: str,
    ) -> None:
        if not self._policy.update:
            self._ignore(candidate, link)
            return
        if self._take_access_first(candidate, link, after, changes):
            return
        phase, waits_for = self._traits.update, None
        if any(change.path == self._traits.unique for change in changes):
            if self._name_is_taken(candidate, after, before=before):
                return
            if self._traits.waits_for_names:
                waits_for = self._other_holder(candidate, after)
        elif any(isinstance(change.after, IdOf) for change in changes):
            phase = self._traits.reference
        self._operation(
            candidate,
            action,
            phase,
            reason,
            changes,
            remote_id=link.remote_id,
            waits_for=waits_for,
            base=candidate.before if candidate.read_again else None,
        )

    def _take_access_first(
        self, candidate: Candidate, link: Link, after: Document, changes: tuple[Change, ...]
    ) -> bool:
        """Send removals of roles and entitlements alone where the other changes have to wait.

        Return False where nothing has to wait, or there is no such removal. The other changes are
        planned again, in the same run, once these have been sent.
        """
        if self._traits.kind is not Kind.USER:
            return False
        access = tuple(change for change in changes if takes_access(change))
        if not access or len(access) == len(changes):
            return False
        why = None
        if any(change.path == self._traits.unique for change in changes):
            why = self._why_name_is_not_free(candidate, after)
        elif any(isinstance(change.after, IdOf) for change in changes):
            why = "the reference has to wait"
        if why is None:
            return False
        self._operation(
            candidate,
            Action.UPDATE,
            self._traits.leave,
            f"{describe_changes(access)}; {why}",
            access,
            remote_id=link.remote_id,
            base=candidate.before if candidate.read_again else None,
            detail=_REST_FOLLOWS,
        )
        return True

    # Unwanted candidates

    def _remove_found(self, candidate: Candidate) -> bool:
        """Remove the account that was found for a candidate without one, if it is theirs.

        It is deactivated or deleted as `leave` says, but not deleted later by `delete_after`, since
        scimsync neither created nor adopted it. Return False if nothing has to be removed.
        """
        leave = self._leave_of(candidate)
        accounts = [
            account
            for account in candidate.accounts
            if (account.owner or self._adopted.get(account.remote_id, candidate.key))
            == candidate.key
        ]
        is_active = any(account.active is not False for account in accounts)
        if leave not in REMOVES_ACCESS or not accounts:
            return False
        if leave is LeavePolicy.DEACTIVATE and not is_active:
            return False
        account = accounts[0]
        if len(accounts) > 1:
            self._fail(candidate, self._ambiguous(accounts))
            return True
        action = Action.DELETE if leave is LeavePolicy.DELETE else Action.DEACTIVATE
        obstacle = why_protected(account.protected_by, account.remote_id, action)
        if obstacle is not None:
            self._fail(candidate, obstacle)
            return True
        self._adopted[account.remote_id] = candidate.key
        link = Link(
            self._traits.kind,
            candidate.key,
            LinkStatus.ACTIVE if is_active else LinkStatus.INACTIVE,
            remote_id=account.remote_id,
            document=account.document,
            etag=account.etag,
            left_before=True,
        )
        self.decisions.found_links.append(link)
        found = replace(candidate, link=link, before=account.document, read_again=True)
        rule = self._delete if leave is LeavePolicy.DELETE else self._deactivate
        rule(found, link)
        return True

    def _add_unwanted(self, candidate: Candidate, link: Link) -> None:
        leave = self._leave_of(candidate)
        if (
            leave is LeavePolicy.DEACTIVATE
            and link.status is LinkStatus.ACTIVE
            and candidate.read_again
            and candidate.before.get("active") is False
        ):  # an earlier run deactivated it without receiving the response
            link = replace(link, status=LinkStatus.INACTIVE, left_at=self._now)
        _UNWANTED[leave, self._state_of(candidate, link)](self, candidate, link)

    def _leave_of(self, candidate: Candidate) -> LeavePolicy:
        held = candidate.held_since is not None
        return leave_policy(self._policy, held=held, action=candidate.leave)

    def _state_of(self, candidate: Candidate, link: Link) -> AccountState:
        if link.status is not LinkStatus.INACTIVE:
            return AccountState.ACTIVE
        seen_inactive = candidate.read_again and candidate.before.get("active") is False
        if link.in_doubt and not seen_inactive:
            return AccountState.MAYBE_REACTIVATED
        doubt = self._around.clock_doubt
        if is_confirmed(link, self._policy, self._now, doubt):
            return AccountState.DELETION_DUE
        if self._revocations(candidate):
            return AccountState.REVOCATION_DUE
        if is_due(link, self._policy, self._now):
            return AccountState.DELETION_UNCONFIRMED
        return AccountState.INACTIVE

    def _delete(self, candidate: Candidate, link: Link) -> None:
        self._operation(
            candidate,
            Action.DELETE,
            self._traits.delete,
            self._why_unwanted(candidate),
            remote_id=link.remote_id,
        )

    def _delete_due(self, candidate: Candidate, link: Link) -> None:
        deletion = deletion_time(link, self._policy, self._now)
        assert deletion is not None  # noqa: S101 - it is due
        self._operation(
            candidate,
            Action.DELETE,
            self._traits.delete,
            f"{self._why_unwanted(candidate)}; to be deleted after {deletion:%Y-%m-%d}",
            remote_id=link.remote_id,
        )

    def _confirm_deletion_later(self, candidate: Candidate, link: Link) -> None:
        """Leave an account deactivated that this run is the first to find due, or may not delete.

        A clock that is wrong leaves no trace.
        """
        doubt = self._around.clock_doubt
        seen = None
        if doubt is None or not doubt.is_wrong:
            seen = first_seen(link, self._policy, self._now)
        if seen is not None or doubt is not None:
            self.decisions.unconfirmed.append(candidate.key)
        if seen is None:
            self._ignore(candidate, link)
        else:
            held = candidate.before if candidate.read_again else link.document
            self.decisions.updated_links.append(_without_failure(replace(seen, document=held)))

    def _deactivate(self, candidate: Candidate, link: Link) -> None:
        before = candidate.before
        self._operation(
            candidate,
            Action.DEACTIVATE,
            self._traits.leave,
            self._why_unwanted(candidate),
            (
                # what the link holds may be out of date, and an equal value would not be sent
                Change("active", True, False),
                *self._revocations(candidate),
            ),
            remote_id=link.remote_id,
            base=before if candidate.read_again else None,
            delete_after=(
                None if link.left_before else deletion_time(None, self._policy, self._now)
            ),
        )

    def _revoke(self, candidate: Candidate, link: Link) -> None:
        """Remove the attributes that the target refused to remove at the deactivation."""
        lost = self._revocations(candidate)
        self._operation(
            candidate,
            Action.UPDATE,
            self._traits.leave,
            f"{self._why_unwanted(candidate)}; {describe_changes(lost)}",
            lost,
            remote_id=link.remote_id,
            base=candidate.before if candidate.read_again else None,
            delete_after=deletion_time(link, self._policy, self._now),
        )

    def _update_link_of_unwanted(self, candidate: Candidate, link: Link) -> None:
        held = candidate.before if candidate.read_again else link.document
        self._update_link(candidate, link, held)

    def _ignore(self, candidate: Candidate, link: Link) -> None:
        """Leave the account as it is, and clear earlier failures and doubts of the link."""
        if candidate.read_again or (link.is_due and not link.in_doubt):
            self.decisions.updated_links.append(
                _without_failure(replace(link, document=candidate.before))
            )

    def _forget(self, candidate: Candidate, link: Link | None) -> None:
        """Update the link of a candidate without an account that gets none."""
        if link is None:
            return
        if link.status is LinkStatus.PENDING:
            self.decisions.unwanted.append(candidate.key)
        elif candidate.gone or link.is_due:
            self.decisions.updated_links.append(
                _without_failure(replace(link, status=LinkStatus.DELETED))
            )

    def _update_link(self, candidate: Candidate, link: Link, held: Document) -> None:
        """Update the link of a resource that already holds what it should."""
        inactive = held.get("active") is False or (
            link.status is LinkStatus.INACTIVE and not candidate.is_wanted
        )
        leaves = inactive and not candidate.is_wanted
        delete_after = deletion_time(link, self._policy, self._now) if leaves else None
        updated = replace(
            _without_failure(link),
            status=LinkStatus.INACTIVE if inactive else LinkStatus.ACTIVE,
            document=held,
            delete_after=delete_after,
            left_at=None if delete_after is None else link.left_at or self._now,
            left_before=link.left_before and leaves,
        )
        doubt = self._around.clock_doubt
        if updated.left_at is not None and link.left_at is None and doubt and doubt.is_wrong:
            updated = uncounted(updated, self._now)
        if updated != link:
            self.decisions.updated_links.append(updated)

    def _revocations(self, candidate: Candidate) -> tuple[Change, ...]:
        """Return the attributes of `leave.revoke` that the account still holds."""
        return tuple(
            Change(path, value, None)
            for path, value in candidate.before.items()
            if path in self._policy.revoke
        )

    def _why_unwanted(self, candidate: Candidate) -> str:
        if self._traits.kind is Kind.GROUP:
            return "no record or rule asks for it"
        if candidate.held_since is not None:
            return f"deprovisioned by hand on {candidate.held_since:%Y-%m-%d}"
        why = "no longer in the source"
        if candidate.desired is not None:
            scope = self._policy.scope
            why = "out of scope" if scope is None else f"out of scope: {scope}"
        if not candidate.accounts:
            return why
        return f"{why}; an account with the same {candidate.accounts[0].found_by} exists"

    # Values and names

    def _resolve(self, document: Document) -> dict[str, Value]:
        """Replace references by remote ids where these are known, and hide sensitive values.

        A reference to a key that gets an account in this plan remains; one to a key without an
        account is left out.
        """
        resolved: dict[str, Value] = {}
        for path, value in document.items():
            if not isinstance(value, IdOf):
                resolved[path] = hide_sensitive(path, value)
            elif (remote_id := self._around.accounts.get(value.key)) is not None:
                resolved[path] = remote_id
            elif value.key in self._around.arriving:
                resolved[path] = value
        return resolved

    def _keep_waiting(
        self, candidate: Candidate, desired: Document, after: dict[str, Value]
    ) -> None:
        """Keep what a reference holds while the account that it should refer to waits."""
        for path, value in desired.items():
            is_waiting = isinstance(value, IdOf) and value.key in self._around.waiting
            if is_waiting and path in candidate.before:
                after[path] = candidate.before[path]

    def _name_is_taken(
        self, candidate: Candidate, after: Document, before: Document | None = None
    ) -> bool:
        """Claim the unique name for `candidate`, or report the account that keeps it."""
        unique = self._traits.unique
        name = fold_name(after.get(unique))
        if name is None:
            return False
        if before is None or fold_name(before.get(unique)) != name:
            conflict = self._name_conflict(candidate, after)
            if conflict is not None:
                self._fail(candidate, coded(conflict, "SYNC-0341"))
                return True
            if self._other_holder(candidate, after) is not None:
                self.decisions.passed.append(candidate.key)
        self._claims.setdefault(name, candidate.key)
        return False

    def _name_conflict(self, candidate: Candidate, after: Document) -> str | None:
        """Return why the name of `after` is taken: by its holder, or by a claim in this plan."""
        unique = self._traits.unique
        name = fold_name(after.get(unique)) or ""
        holder = self._around.holders.get(name)
        if holder is not None and holder.key != candidate.key and not holder.frees:
            state = "" if holder.active else " (deactivated)"
            return f"{unique} {after[unique]} is taken by {self._traits.holder} {holder.key}{state}"
        first = self._claims.get(name, candidate.key)
        if first == candidate.key:
            return None
        return f"{unique} {after[unique]} is wanted by {first} too"

    def _why_name_is_not_free(self, candidate: Candidate, after: Document) -> str | None:
        """Return the conflict of names, or the account that holds the name until it gives it up."""
        conflict = self._name_conflict(candidate, after)
        holder = self._other_holder(candidate, after)
        if conflict is None and holder is not None:
            unique = self._traits.unique
            return f"{unique} {after[unique]} belongs to {holder} until then"
        return conflict

    def _other_holder(self, candidate: Candidate, after: Document) -> Key | None:
        holder = self._around.holders.get(fold_name(after[self._traits.unique]) or "")
        return holder.key if holder is not None and holder.key != candidate.key else None

    # Operations

    def _operation(
        self,
        candidate: Candidate,
        action: Action,
        phase: Phase,
        reason: str,
        changes: tuple[Change, ...] = (),
        **more: Any,
    ) -> None:
        obstacle = why_protected(candidate.protected_by, more.get("remote_id"), action)
        if obstacle is not None:
            self._fail(candidate, obstacle)
            return
        if action is Action.DEACTIVATE and self._policy.deactivation_deletes:
            reason = f"{reason}; deletes for good"
        unique = self._traits.unique
        named = next((change.after for change in changes if change.path == unique), None)
        fields = {"unique_name": fold_name(named), **more}
        if candidate.moved is not None:
            reason = f"{candidate.moved}; {reason}"
        self.decisions.operations.append(
            Operation(
                phase=phase,
                kind=self._traits.kind,
                key=candidate.key,
                action=action,
                reason=reason,
                changes=changes,
                **fields,
            )
        )

    def _fail(self, candidate: Candidate, detail: str) -> None:
        link = candidate.link
        leaves = candidate.held_since is not None or (
            candidate.desired is not None and not candidate.is_wanted
        )
        phase, action = self._traits.create, Action.CREATE
        if link is not None and link.has_account:
            phase, action = self._traits.update, Action.UPDATE
        elif leaves:
            phase, action = self._traits.leave, Action.DEACTIVATE
        self.decisions.operations.append(
            Operation(
                phase=phase,
                kind=self._traits.kind,
                key=candidate.key,
                action=action,
                reason="could not be planned",
                status=OperationStatus.FAILED,
                remote_id=link.remote_id if link is not None else None,
                detail=detail,
            )
        )


class _Difference(StrEnum):
    """The difference between a linked, wanted candidate and what the target holds."""

    NONE = "none"
    DEACTIVATED = "deactivated"
    REACTIVATED = "reactivated"
    OTHER = "other"


def _difference(changes: Sequence[Change], *, inactive: bool) -> _Difference:
    if not changes:
        return _Difference.NONE
    active_change = next((change for change in changes if change.path == "active"), None)
    if active_change is None:
        return _Difference.OTHER
    if active_change.after is False:
        return _Difference.DEACTIVATED
    return _Difference.REACTIVATED if inactive else _Difference.OTHER


def _is_move(link: Link, changes: Sequence[Change]) -> bool:
    """Return whether changes do nothing but replace the key that the account was moved from."""
    return link.moved_from is not None and all(
        change.before == link.moved_from and change.after == link.key for change in changes
    )


def _without_failure(link: Link) -> Link:
    """Return the link without earlier failures, not in doubt, and without access to remove."""
    return replace(
        link,
        failures=0,
        next_try_at=None,
        last_error=None,
        in_doubt=False,
        may_have_access_since=None,
    )


_Comparison = Callable[[_Batch, Candidate, Link, Document, Document, tuple[Change, ...]], None]
_Removal = Callable[[_Batch, Candidate, Link], None]

_DIFFERENCES: Mapping[_Difference, _Comparison] = {
    _Difference.NONE: _Batch._update_link_or_acknowledge,
    _Difference.DEACTIVATED: _Batch._deactivate_wanted,
    _Difference.REACTIVATED: _Batch._reactivate,
    _Difference.OTHER: _Batch._update,
}

_UNWANTED: Mapping[tuple[LeavePolicy, AccountState], _Removal] = {
    (LeavePolicy.DELETE, AccountState.ACTIVE): _Batch._delete,
    (LeavePolicy.DELETE, AccountState.MAYBE_REACTIVATED): _Batch._delete,
    (LeavePolicy.DELETE, AccountState.DELETION_DUE): _Batch._delete,
    (LeavePolicy.DELETE, AccountState.DELETION_UNCONFIRMED): _Batch._delete,
    (LeavePolicy.DELETE, AccountState.REVOCATION_DUE): _Batch._delete,
    (LeavePolicy.DELETE, AccountState.INACTIVE): _Batch._delete,
    (LeavePolicy.DEACTIVATE, AccountState.ACTIVE): _Batch._deactivate,
    (LeavePolicy.DEACTIVATE, AccountState.MAYBE_REACTIVATED): _Batch._deactivate,
    (LeavePolicy.DEACTIVATE, AccountState.DELETION_DUE): _Batch._delete_due,
    (LeavePolicy.DEACTIVATE, AccountState.DELETION_UNCONFIRMED): _Batch._confirm_deletion_later,
    (LeavePolicy.DEACTIVATE, AccountState.REVOCATION_DUE): _Batch._revoke,
    (LeavePolicy.DEACTIVATE, AccountState.INACTIVE): _Batch._update_link_of_unwanted,
    (LeavePolicy.KEEP, AccountState.ACTIVE): _Batch._update_link_of_unwanted,
    (LeavePolicy.KEEP, AccountState.MAYBE_REACTIVATED): _Batch._deactivate,
    (LeavePolicy.KEEP, AccountState.DELETION_DUE): _Batch._update_link_of_unwanted,
    (LeavePolicy.KEEP, AccountState.DELETION_UNCONFIRMED): _Batch._update_link_of_unwanted,
    (LeavePolicy.KEEP, AccountState.REVOCATION_DUE): _Batch._update_link_of_unwanted,
    (LeavePolicy.KEEP, AccountState.INACTIVE): _Batch._update_link_of_unwanted,
    (LeavePolicy.OFF, AccountState.ACTIVE): _Batch._ignore,
    (LeavePolicy.OFF, AccountState.MAYBE_REACTIVATED): _Batch._ignore,
    (LeavePolicy.OFF, AccountState.DELETION_DUE): _Batch._ignore,
    (LeavePolicy.OFF, AccountState.DELETION_UNCONFIRMED): _Batch._ignore,
    (LeavePolicy.OFF, AccountState.REVOCATION_DUE): _Batch._ignore,
    (LeavePolicy.OFF, AccountState.INACTIVE): _Batch._ignore,
}
"""(leave policy, state of the account) -> the rule for an unwanted candidate."""
