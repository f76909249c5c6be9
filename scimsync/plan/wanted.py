"""The rules for candidates that should have a resource: create, adopt, or compare and change."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from scimsync.errors import coded
from scimsync.model.accounts import Account
from scimsync.model.changes import Change, takes_access
from scimsync.model.ids import Document, Kind, Value, fold_name
from scimsync.model.links import Link, LinkStatus, Reference
from scimsync.model.operations import Action
from scimsync.model.placeholders import IdOf, RandomText, secrets_of
from scimsync.plan.adoption import matched_by, why_not_adopted
from scimsync.plan.candidates import Candidate
from scimsync.plan.decision_writer import REST_FOLLOWS, DecisionWriter
from scimsync.plan.document_diff import changes_between, describe_changes
from scimsync.plan.product import keep_immutable
from scimsync.plan.protection import why_protected

UNACKNOWLEDGED = "an earlier run created it without receiving the response"


@dataclass(frozen=True, slots=True)
class _Comparison:
    """A linked, wanted candidate: its actual and desired document, and the changes."""

    candidate: Candidate
    link: Link
    before: Document
    after: Document
    changes: tuple[Change, ...]

    @property
    def base(self) -> Document | None:
        """The document that the changes start from, where that is not the link's."""
        return self.candidate.before if self.candidate.read_again else None

    @property
    def has_reference(self) -> bool:
        """Whether a value is the id of an account that does not exist yet."""
        return any(isinstance(change.after, IdOf) for change in self.changes)

    @property
    def is_move(self) -> bool:
        """Whether the changes only replace the key that the account was moved from."""
        old, new = self.link.moved_from, self.link.key
        return old is not None and all(
            change.before == old and change.after == new for change in self.changes
        )

    def has_path(self, path: str) -> bool:
        """Return whether the attribute at `path` changes."""
        return any(change.path == path for change in self.changes)


class WantedRules:
    """The rules for wanted candidates; `_DIFFERENCES` names the one for a linked resource."""

    def __init__(self, writer: DecisionWriter) -> None:
        self._writer = writer

    def add(self, candidate: Candidate) -> None:
        """Decide about a candidate that should have a resource."""
        desired, link = candidate.desired, candidate.link
        assert desired is not None  # noqa: S101 - it is wanted
        self._writer.decisions.references += [
            Reference(self._writer.traits.kind, candidate.key, path, value.key, ref_name=value.name)
            for path, value in desired.document.items()
            if isinstance(value, IdOf)
        ]
        after = self._writer.resolve(desired.document)
        if link is not None and link.left_at is not None:
            self._writer.decisions.returned.append(candidate.key)
        if link is not None and link.has_account and not candidate.gone:
            if candidate.unacknowledged:  # the request that had no response sent them, or was none
                before = {**candidate.before, **secrets_of(after)}
                candidate = replace(candidate, before=before)
            self._writer.keep_waiting(candidate, desired.document, after)
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
            if account.owner is None or account.found_by != self._writer.traits.unique
        )

    def _create(self, candidate: Candidate, after: dict[str, Value]) -> None:
        desired, link = candidate.desired, candidate.link
        assert desired is not None  # noqa: S101 - it is wanted
        exists_inactive = not self._writer.policy.product.deactivation_deletes
        if not self._writer.policy.create or (after.get("active") is False and not exists_inactive):
            self._writer.forget(candidate, link)
            return
        product = self._writer.policy.product
        if self._writer.traits.kind is Kind.GROUP and not product.creates_groups:
            name = after.get(self._writer.traits.unique)
            why = f"{product.name} creates no groups over SCIM: create {name} there, and set adopt"
            self._writer.fail(candidate, coded(why, "SYNC-0466"))
            return
        after |= self._writer.resolve(desired.once)
        after |= {path: RandomText(length) for path, length in desired.generate.items()}
        if self._writer.name_is_taken(candidate, after):
            return
        noun = self._writer.traits.noun
        if candidate.gone:
            reason = f"the {noun} is gone at the target"
        elif link is not None and link.status is LinkStatus.DELETED:
            reason = f"came back; the {noun} was deleted"
        elif link is not None and link.failures:
            reason = f"no {noun} yet; the last attempt failed"
        else:
            reason = f"no {noun} yet"
        self._writer.add(
            candidate,
            Action.CREATE,
            self._writer.traits.create,
            reason,
            changes_between({}, after),
            waits_for=self._writer.waits_for(candidate, after),
        )

    def _adopt(
        self, candidate: Candidate, accounts: Sequence[Account], after: dict[str, Value]
    ) -> None:
        account = accounts[0]
        immutable = self._writer.policy.product.immutable_of(self._writer.traits.kind)
        after, differing = keep_immutable(after, account.document, immutable)
        obstacle = self._why_not_adoptable(candidate, accounts)
        if obstacle is not None:
            self._writer.fail(candidate, obstacle)
            return
        if not self._writer.policy.update:
            self._writer.forget(candidate, candidate.link)
            return
        if (
            not self._writer.policy.remove
            and account.active is not False
            and after.get("active") is False
        ):
            del after["active"]
        if account.active is False and "active" not in after:
            after["active"] = True
        base = {path: value for path, value in account.document.items() if path in after}
        base |= secrets_of(after)  # an adoption sends none
        if account.active is False:
            base["active"] = False
        if self._writer.name_is_taken(candidate, after, before=base):
            return
        desired = candidate.desired
        assert desired is not None  # noqa: S101 - it is wanted
        self._writer.decisions.unchangeable += [(path, candidate.key) for path in differing]
        self._writer.add(
            candidate,
            Action.ADOPT,
            self._writer.traits.update,
            f"{self._writer.traits.kind.a_noun} with the same {account.found_by} exists",
            changes_between(base, after),
            matched=matched_by({**desired.once, **desired.document}, account),
            remote_id=account.remote_id,
            base=base,
            unique_name=fold_name(after.get(self._writer.traits.unique)),
            waits_for=self._writer.waits_for(candidate, after),
        )

    def _why_not_adoptable(self, candidate: Candidate, accounts: Sequence[Account]) -> str | None:
        """Return why an account that matches cannot be adopted, or None if it can."""
        account, noun = accounts[0], self._writer.traits.noun
        if len(accounts) > 1:
            return self._writer.ambiguous(accounts)
        owner = account.owner or self._writer.adopted.setdefault(account.remote_id, candidate.key)
        if owner != candidate.key:
            account_text = f"the {noun} that matches by {account.found_by} ({account.remote_id})"
            return coded(f"{account_text} belongs to {owner}", "SYNC-0343")
        protected = why_protected(account.protected_by, account.remote_id, Action.ADOPT)
        if protected is not None:
            return protected
        why_not = why_not_adopted(
            self._writer.policy, self._writer.traits.kind, candidate.key, account.found_by
        )
        if why_not is not None:
            what = f"{self._writer.traits.kind.a_noun} with the same {account.found_by} exists"
            return coded(f"{what} ({account.remote_id}); {why_not}", "SYNC-0360")
        return None

    def _compare(self, candidate: Candidate, link: Link, after: dict[str, Value]) -> None:
        desired = candidate.desired
        assert desired is not None  # noqa: S101 - it is wanted
        unmanaged = {*desired.once, *desired.generate, *self._writer.policy.product.left_out}
        before = {path: value for path, value in candidate.before.items() if path not in unmanaged}
        inactive = link.status is LinkStatus.INACTIVE
        if "active" not in after and (inactive or "active" in before):
            after["active"] = True
            if inactive:
                before["active"] = False
        changes = changes_between(before, after)
        rule = _DIFFERENCES[_difference(changes, inactive=inactive)]
        rule(self, _Comparison(candidate, link, before, after, changes))

    def _update_link_or_acknowledge(self, compared: _Comparison) -> None:
        candidate, link, after = compared.candidate, compared.link, compared.after
        if candidate.moved is not None:
            self._writer.add(
                candidate,
                Action.MOVE,
                self._writer.traits.update,
                "nothing else changes",
                remote_id=link.remote_id,
            )
        elif candidate.unacknowledged:
            self._writer.add(
                candidate,
                Action.ADOPT,
                self._writer.traits.update,
                UNACKNOWLEDGED,
                remote_id=link.remote_id,
                base=candidate.before,
                unique_name=fold_name(after.get(self._writer.traits.unique)),
            )
        else:
            self._writer.update_link(candidate, link, after)

    def _deactivate(self, compared: _Comparison) -> None:
        """Deactivate a candidate in scope whose `active` became false.

        Access ends at once. Where names conflict or references are not resolved yet, `active` is
        sent alone.
        """
        if not self._writer.policy.remove:
            self._update_without_active(compared)
            return
        candidate, after = compared.candidate, compared.after
        active_change = next(change for change in compared.changes if change.path == "active")
        reason = "active became false"
        if not self._writer.policy.update:
            compared = replace(compared, changes=(active_change,))
        active_only = compared.has_reference
        unique = self._writer.traits.unique
        if not active_only and compared.has_path(unique):
            conflict = self._writer.why_name_is_not_free(candidate, after)
            if conflict is None:
                self._writer.claims.setdefault(fold_name(after[unique]) or "", candidate.key)
            else:
                reason, active_only = f"{reason}; {conflict}", True
        self._writer.add(
            candidate,
            Action.DEACTIVATE,
            self._writer.traits.leave,
            reason,
            (active_change,) if active_only else compared.changes,
            remote_id=compared.link.remote_id,
            base=compared.base,
            detail=REST_FOLLOWS if active_only else None,
        )

    def _update_without_active(self, compared: _Comparison) -> None:
        """Send the other changes of an account that may not be deactivated."""
        changes = tuple(change for change in compared.changes if change.path != "active")
        if changes:
            self._update(replace(compared, changes=changes))
        else:
            self._writer.ignore(compared.candidate, compared.link)

    def _reactivate(self, compared: _Comparison) -> None:
        is_back = compared.link.status is LinkStatus.INACTIVE
        self._change(
            compared, Action.REACTIVATE, "back in scope" if is_back else "active became true"
        )

    def _update(self, compared: _Comparison) -> None:
        reason = describe_changes(compared.changes)
        action = Action.UPDATE
        if compared.is_move:
            action = Action.MOVE
            if compared.candidate.moved is None:
                reason = f"moved from {compared.link.moved_from} by hand; {reason}"
        self._change(compared, action, reason)

    def _change(self, compared: _Comparison, action: Action, reason: str) -> None:
        candidate, link, after = compared.candidate, compared.link, compared.after
        if not self._writer.policy.update:
            self._writer.ignore(candidate, link)
            return
        if self._take_access_first(compared):
            return
        phase, waits_for = self._writer.traits.update, None
        if compared.has_path(self._writer.traits.unique):
            if self._writer.name_is_taken(candidate, after, before=compared.before):
                return
            waits_for = self._writer.waits_for(candidate, after)
        elif compared.has_reference:
            phase = self._writer.traits.reference
        self._writer.add(
            candidate,
            action,
            phase,
            reason,
            compared.changes,
            remote_id=link.remote_id,
            waits_for=waits_for,
            base=compared.base,
        )

    def _take_access_first(self, compared: _Comparison) -> bool:
        """Send removals of roles and entitlements alone where the other changes have to wait.

        Return False where nothing has to wait, or there is no such removal. The other changes are
        planned again, in the same run, once these have been sent.
        """
        if self._writer.traits.kind is not Kind.USER:
            return False
        access = tuple(change for change in compared.changes if takes_access(change))
        if not access or len(access) == len(compared.changes):
            return False
        why = None
        if compared.has_path(self._writer.traits.unique):
            why = self._writer.why_name_is_not_free(compared.candidate, compared.after)
        elif compared.has_reference:
            why = "the reference has to wait"
        if why is None:
            return False
        self._writer.add(
            compared.candidate,
            Action.UPDATE,
            self._writer.traits.leave,
            f"{describe_changes(access)}; {why}",
            access,
            remote_id=compared.link.remote_id,
            base=compared.base,
            detail=REST_FOLLOWS,
        )
        return True


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
    if inactive or active_change.before is False:  # by the mapping before, or by others
        return _Difference.REACTIVATED
    return _Difference.OTHER


_DIFFERENCES: Mapping[_Difference, Callable[[WantedRules, _Comparison], None]] = {
    _Difference.NONE: WantedRules._update_link_or_acknowledge,
    _Difference.DEACTIVATED: WantedRules._deactivate,
    _Difference.REACTIVATED: WantedRules._reactivate,
    _Difference.OTHER: WantedRules._update,
}
