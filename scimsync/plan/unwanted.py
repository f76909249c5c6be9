"""The rules for candidates that should have no resource: deactivate, delete, revoke or ignore."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import StrEnum

from scimsync.model.accounts import Account
from scimsync.model.changes import Change
from scimsync.model.ids import Kind
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import Action
from scimsync.model.repairs import is_unlinked
from scimsync.plan.candidates import Candidate, Policy
from scimsync.plan.decision_writer import DecisionWriter, without_failure
from scimsync.plan.deletions import deletion_time, first_seen, is_confirmed, is_due
from scimsync.plan.document_diff import describe_changes
from scimsync.plan.protection import why_protected


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


def leave_policy(policy: Policy, *, held: bool, action: str | None = None) -> LeavePolicy:
    """Return what happens to an unwanted account.

    `held`: its user was deprovisioned by hand, which overrides `keep` and `remove`. `action` is the
    leave action of a group's own table.
    """
    action = action or policy.leave.action
    if held:
        return LeavePolicy.DELETE if action == "delete" else LeavePolicy.DEACTIVATE
    if not policy.remove:
        return LeavePolicy.OFF
    return LeavePolicy.KEEP if action == "empty" else LeavePolicy(action)


class UnwantedRules:
    """The rules for unwanted candidates; `_UNWANTED` names the one for a linked resource."""

    def __init__(self, writer: DecisionWriter) -> None:
        self._writer = writer

    def add(self, candidate: Candidate, link: Link) -> None:
        """Decide about a candidate that has a resource and should have none."""
        leave = self._leave_of(candidate)
        if (
            leave is LeavePolicy.DEACTIVATE
            and not self._writer.policy.product.invites  # an open invitation looks the same
            and link.status is LinkStatus.ACTIVE
            and candidate.read_again
            and candidate.before.get("active") is False
        ):  # an earlier run deactivated it without receiving the response
            link = replace(link, status=LinkStatus.INACTIVE, left_at=self._writer.now)
        _UNWANTED[leave, self._state_of(candidate, link)](self, candidate, link)

    def remove_found(self, candidate: Candidate) -> bool:
        """Remove the account that was found for a candidate without one, if it is theirs.

        It is deactivated or deleted as `leave` says, but not deleted later by `delete_after`, since
        scimsync neither created nor adopted it. Return False if nothing has to be removed.
        """
        leave = self._leave_of(candidate)
        accounts = [
            account
            for account in candidate.accounts
            if (account.owner or self._writer.adopted.get(account.remote_id, candidate.key))
            == candidate.key
        ]
        # an account that looks inactive may have an open invitation
        is_active = self._writer.policy.product.invites or any(
            account.active is not False for account in accounts
        )
        if leave not in REMOVES_ACCESS or not accounts:
            return False
        if leave is LeavePolicy.DEACTIVATE and not is_active:
            return False
        account = accounts[0]
        if len(accounts) > 1:
            self._writer.fail(candidate, self._writer.ambiguous(accounts))
            return True
        action = Action.DELETE if leave is LeavePolicy.DELETE else Action.DEACTIVATE
        obstacle = why_protected(account.protected_by, account.remote_id, action)
        if obstacle is not None and candidate.held_since is not None:
            self._writer.fail(candidate, obstacle)
            return True
        if account.protected_by is not None:  # no one named this user explicitly
            what = f"account {account.remote_id} is protected by {account.protected_by}"
            self._writer.decisions.protected[candidate.key] = what
            return False
        self._remove(candidate, account, leave, is_active=is_active)
        return True

    def _remove(
        self, candidate: Candidate, account: Account, leave: LeavePolicy, *, is_active: bool
    ) -> None:
        """Deactivate or delete an account that was found for a candidate."""
        self._writer.adopted[account.remote_id] = candidate.key
        link = Link(
            self._writer.traits.kind,
            candidate.key,
            LinkStatus.ACTIVE if is_active else LinkStatus.INACTIVE,
            remote_id=account.remote_id,
            document=account.document,
            etag=account.etag,
            left_before=True,
        )
        self._writer.decisions.found_links.append(link)
        found = replace(candidate, link=link, before=account.document, read_again=True)
        rule = self._delete if leave is LeavePolicy.DELETE else self._deactivate
        rule(found, link)

    def _leave_of(self, candidate: Candidate) -> LeavePolicy:
        held = candidate.held_since is not None
        # an account that no user is linked to is never deleted
        action = "deactivate" if is_unlinked(candidate.key) else candidate.leave
        return leave_policy(self._writer.policy, held=held, action=action)

    def _state_of(self, candidate: Candidate, link: Link) -> AccountState:
        if link.status is not LinkStatus.INACTIVE:
            return AccountState.ACTIVE
        seen_inactive = candidate.read_again and candidate.before.get("active") is False
        if link.in_doubt and not seen_inactive:
            return AccountState.MAYBE_REACTIVATED
        doubt = self._writer.around.clock_doubt
        if is_confirmed(link, self._writer.policy, self._writer.now, doubt):
            return AccountState.DELETION_DUE
        if self._revocations(candidate):
            return AccountState.REVOCATION_DUE
        if is_due(link, self._writer.policy, self._writer.now):
            return AccountState.DELETION_UNCONFIRMED
        return AccountState.INACTIVE

    def _delete(self, candidate: Candidate, link: Link) -> None:
        self._writer.add(
            candidate,
            Action.DELETE,
            self._writer.traits.delete,
            self._why_unwanted(candidate),
            remote_id=link.remote_id,
        )

    def _delete_due(self, candidate: Candidate, link: Link) -> None:
        deletion = deletion_time(link, self._writer.policy, self._writer.now)
        assert deletion is not None  # noqa: S101 - it is due
        self._writer.add(
            candidate,
            Action.DELETE,
            self._writer.traits.delete,
            f"{self._why_unwanted(candidate)}; to be deleted after {deletion:%Y-%m-%d}",
            remote_id=link.remote_id,
        )

    def _confirm_deletion_later(self, candidate: Candidate, link: Link) -> None:
        """Leave an account deactivated that this run is the first to find due, or may not delete.

        A clock that is wrong leaves no trace.
        """
        doubt = self._writer.around.clock_doubt
        seen = None
        if doubt is None or not doubt.is_wrong:
            seen = first_seen(link, self._writer.policy, self._writer.now)
        if seen is not None or doubt is not None:
            self._writer.decisions.unconfirmed.append(candidate.key)
        if seen is None:
            self._writer.ignore(candidate, link)
        else:
            held = candidate.before if candidate.read_again else link.document
            self._writer.decisions.updated_links.append(
                without_failure(replace(seen, document=held))
            )

    def _deactivate(self, candidate: Candidate, link: Link) -> None:
        before = candidate.before
        self._writer.add(
            candidate,
            Action.DEACTIVATE,
            self._writer.traits.leave,
            self._why_unwanted(candidate),
            (
                # the values in the link may be out of date, and an equal value would not be sent
                Change("active", True, False),
                *self._revocations(candidate),
            ),
            remote_id=link.remote_id,
            base=before if candidate.read_again else None,
            delete_after=(
                None
                if link.left_before
                else deletion_time(None, self._writer.policy, self._writer.now)
            ),
        )

    def _revoke(self, candidate: Candidate, link: Link) -> None:
        """Remove the attributes that the target refused to remove at the deactivation."""
        lost = self._revocations(candidate)
        self._writer.add(
            candidate,
            Action.UPDATE,
            self._writer.traits.leave,
            f"{self._why_unwanted(candidate)}; {describe_changes(lost)}",
            lost,
            remote_id=link.remote_id,
            base=candidate.before if candidate.read_again else None,
            delete_after=deletion_time(link, self._writer.policy, self._writer.now),
        )

    def _update_link(self, candidate: Candidate, link: Link) -> None:
        held = candidate.before if candidate.read_again else link.document
        self._writer.update_link(candidate, link, held)

    def _ignore(self, candidate: Candidate, link: Link) -> None:
        self._writer.ignore(candidate, link)

    def _revocations(self, candidate: Candidate) -> tuple[Change, ...]:
        """Return the attributes of `leave.revoke` that the account still holds."""
        return tuple(
            Change(path, value, None)
            for path, value in candidate.before.items()
            if path in self._writer.policy.revoke
        )

    def _why_unwanted(self, candidate: Candidate) -> str:
        if self._writer.traits.kind is Kind.GROUP:
            return "no record or rule asks for it"
        if candidate.held_since is not None:
            return f"deprovisioned by hand on {candidate.held_since:%Y-%m-%d}"
        if is_unlinked(candidate.key):
            return "no user is linked to it"
        why = "no longer in the source"
        if candidate.desired is not None:
            scope = self._writer.policy.scope
            why = "out of scope" if scope is None else f"out of scope: {scope}"
        if not candidate.accounts:
            return why
        return f"{why}; an account with the same {candidate.accounts[0].found_by} exists"


_Removal = Callable[[UnwantedRules, Candidate, Link], None]

_UNWANTED: Mapping[tuple[LeavePolicy, AccountState], _Removal] = {
    (LeavePolicy.DELETE, AccountState.ACTIVE): UnwantedRules._delete,
    (LeavePolicy.DELETE, AccountState.MAYBE_REACTIVATED): UnwantedRules._delete,
    (LeavePolicy.DELETE, AccountState.DELETION_DUE): UnwantedRules._delete,
    (LeavePolicy.DELETE, AccountState.DELETION_UNCONFIRMED): UnwantedRules._delete,
    (LeavePolicy.DELETE, AccountState.REVOCATION_DUE): UnwantedRules._delete,
    (LeavePolicy.DELETE, AccountState.INACTIVE): UnwantedRules._delete,
    (LeavePolicy.DEACTIVATE, AccountState.ACTIVE): UnwantedRules._deactivate,
    (LeavePolicy.DEACTIVATE, AccountState.MAYBE_REACTIVATED): UnwantedRules._deactivate,
    (LeavePolicy.DEACTIVATE, AccountState.DELETION_DUE): UnwantedRules._delete_due,
    (
        LeavePolicy.DEACTIVATE,
        AccountState.DELETION_UNCONFIRMED,
    ): UnwantedRules._confirm_deletion_later,
    (LeavePolicy.DEACTIVATE, AccountState.REVOCATION_DUE): UnwantedRules._revoke,
    (LeavePolicy.DEACTIVATE, AccountState.INACTIVE): UnwantedRules._update_link,
    (LeavePolicy.KEEP, AccountState.ACTIVE): UnwantedRules._update_link,
    (LeavePolicy.KEEP, AccountState.MAYBE_REACTIVATED): UnwantedRules._deactivate,
    (LeavePolicy.KEEP, AccountState.DELETION_DUE): UnwantedRules._update_link,
    (LeavePolicy.KEEP, AccountState.DELETION_UNCONFIRMED): UnwantedRules._update_link,
    (LeavePolicy.KEEP, AccountState.REVOCATION_DUE): UnwantedRules._update_link,
    (LeavePolicy.KEEP, AccountState.INACTIVE): UnwantedRules._update_link,
    (LeavePolicy.OFF, AccountState.ACTIVE): UnwantedRules._ignore,
    (LeavePolicy.OFF, AccountState.MAYBE_REACTIVATED): UnwantedRules._ignore,
    (LeavePolicy.OFF, AccountState.DELETION_DUE): UnwantedRules._ignore,
    (LeavePolicy.OFF, AccountState.DELETION_UNCONFIRMED): UnwantedRules._ignore,
    (LeavePolicy.OFF, AccountState.REVOCATION_DUE): UnwantedRules._ignore,
    (LeavePolicy.OFF, AccountState.INACTIVE): UnwantedRules._ignore,
}
"""(leave policy, state of the account) -> the rule for an unwanted candidate."""
