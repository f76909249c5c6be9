"""Which operation each person needs at a target: the pure diff of desired documents against
links."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from scimsync.desired.values import Desired, Ref
from scimsync.model.accounts import Account
from scimsync.model.changes import Change
from scimsync.model.ids import (
    Document,
    Key,
    Kind,
    Value,
    fold_name,
)
from scimsync.model.links import Link, LinkStatus, Reference
from scimsync.model.operations import Action, Operation, Phase
from scimsync.plan.diff import changes_between, describe_changes, veil
from scimsync.plan.drafts import draft, not_planned
from scimsync.plan.model import (
    GENERATE,
    MADE_UNSEEN,
    REF,
    SECRET,
    Candidate,
    Plan,
    Policy,
    Surroundings,
    holds_marker,
    marker,
)

NAME_PATH = "userName"


def make_plan(
    candidates: Sequence[Candidate], policy: Policy, around: Surroundings, now: datetime
) -> Plan:
    """The operations that `candidates` need, in their order. `now` decides which deletions are
    due."""
    batch = _Batch(policy, around, now)
    for candidate in candidates:
        batch.add(candidate)
    return Plan(
        tuple(batch.operations),
        tuple(batch.references),
        tuple(batch.settled),
        tuple(batch.unwanted),
        tuple(batch.returned),
    )


def deletion_of(link: Link | None, policy: Policy, now: datetime) -> datetime | None:
    """When an account is to be deleted, counted from when its person left: `now`, if that is not
    known. None for never."""
    leave = policy.leave
    if leave.action != "deactivate" or leave.delete_after is None:
        return None
    return (
        link.left_at if link is not None and link.left_at is not None else now
    ) + leave.delete_after


class _Batch:
    """Collects the plan of one batch; `_claims` grows with it, so that two people never get one
    userName."""

    def __init__(self, policy: Policy, around: Surroundings, now: datetime) -> None:
        self._policy = policy
        self._around = around
        self._now = now
        self._claims = dict(around.claimed)
        self._adopted = dict(around.adopted)
        self.operations: list[Operation] = []
        self.references: list[Reference] = []
        self.settled: list[Link] = []
        self.unwanted: list[Key] = []
        self.returned: list[Key] = []

    def add(self, candidate: Candidate) -> None:
        if candidate.failure is not None:
            if candidate.link is not None and candidate.link.left_at is not None:
                self.returned.append(candidate.key)  # there is a record of him again
            self._fail(candidate, candidate.failure)
        elif candidate.desired is not None and (path := _reserved(candidate.desired)) is not None:
            self._fail(
                candidate,
                f"{path}: a record may not hold a table with the only name {REF}, {GENERATE} or"
                f" {SECRET}",
            )
        elif candidate.desired is not None and candidate.desired.in_scope:
            self._present(candidate)
        else:
            self._absent(candidate)

    # People who should have an account

    def _present(self, candidate: Candidate) -> None:
        assert candidate.desired is not None  # noqa: S101 - add() looked
        after = self._resolve(candidate.key, candidate.desired.document)
        link = candidate.link
        if link is not None and link.left_at is not None:
            self.returned.append(candidate.key)
        if link is None or not link.has_account or candidate.gone:
            self._without_link(candidate, after)
        else:
            self._linked(candidate, link, after)

    def _without_link(self, candidate: Candidate, after: dict[str, Value]) -> None:
        desired, link = candidate.desired, candidate.link
        assert desired is not None  # noqa: S101 - _present() looked
        free = tuple(
            one for one in candidate.accounts if one.owner is None or one.found_by != NAME_PATH
        )
        if free:
            self._adopt(candidate, free, after)
            return
        if not self._policy.create:
            self._without_account(candidate, link)
            return
        after |= self._values(desired.once)
        after |= {path: {GENERATE: length} for path, length in desired.generate.items()}
        if self._name_is_taken(candidate, after):
            return
        if candidate.gone or (link is not None and link.status is LinkStatus.DELETED):
            reason = (
                "the account is gone at the target"
                if candidate.gone
                else "came back; the account was deleted"
            )
        elif link is not None and link.failures:
            reason = "no account yet; the last try failed"
        else:
            reason = "no account yet"
        self._operation(candidate, Action.CREATE, Phase.CREATE, reason, changes_between({}, after))

    def _adopt(
        self, candidate: Candidate, accounts: Sequence[Account], after: dict[str, Value]
    ) -> None:
        if len(accounts) > 1:
            ids = ", ".join(account.remote_id for account in accounts[:5])
            self._fail(
                candidate,
                f"ambiguous: {len(accounts)} accounts match by {accounts[0].found_by}: {ids}",
            )
            return
        account = accounts[0]
        owner = account.owner or self._adopted.setdefault(account.remote_id, candidate.key)
        if owner != candidate.key:
            self._fail(
                candidate,
                f"the account that matches by {account.found_by} ({account.remote_id}) belongs to"
                f" {owner}",
            )
            return
        if not self._policy.update:
            self._without_account(candidate, candidate.link)
            return
        if not self._policy.remove and account.active is not False and after.get("active") is False:
            del after["active"]
        if account.active is False and "active" not in after:
            after["active"] = True
        base = {path: value for path, value in account.document.items() if path in after}
        if account.active is False:
            base["active"] = False
        if self._name_is_taken(candidate, after, before=base):
            return
        reason = f"an account with the same {account.found_by} exists"
        self._operation(
            candidate,
            Action.ADOPT,
            Phase.UPDATE,
            reason,
            changes_between(base, after),
            remote_id=account.remote_id,
            base=base,
        )

    def _linked(self, candidate: Candidate, link: Link, after: dict[str, Value]) -> None:
        desired = candidate.desired
        assert desired is not None  # noqa: S101 - _present() looked
        before = {
            path: value
            for path, value in candidate.before.items()
            if path not in {*desired.once, *desired.generate}
        }
        inactive = link.status is LinkStatus.INACTIVE
        if "active" not in after and (inactive or "active" in before):
            after["active"] = True
            if inactive:
                before["active"] = False
        changes = changes_between(before, after)
        if not changes and candidate.unseen:
            self._operation(
                candidate,
                Action.ADOPT,
                Phase.UPDATE,
                MADE_UNSEEN,
                (),
                remote_id=link.remote_id,
                base=candidate.before,
            )
            return
        if not changes:
            self._settle(candidate, link, after)
            return
        flipped = next((change for change in changes if change.path == "active"), None)
        if flipped is not None and flipped.after is False:
            if self._policy.remove:
                self._switch_off(candidate, link, flipped, changes, after)
                return
            changes, flipped = tuple(change for change in changes if change is not flipped), None
            if not changes:
                self._leave_alone(candidate, link)
                return
        if not self._policy.update:
            self._leave_alone(candidate, link)
            return
        if flipped is not None and inactive:
            action, phase, reason = Action.REACTIVATE, Phase.UPDATE, "back in scope"
        else:
            action, phase, reason = Action.UPDATE, Phase.UPDATE, describe_changes(changes)
        waits_for: Key | None = None
        name = next((change for change in changes if change.path == NAME_PATH), None)
        if name is not None:
            if self._name_is_taken(candidate, after, before=before):
                return
            holder = self._around.holders.get(fold_name(after[NAME_PATH]) or "")
            waits_for = holder.key if holder is not None and holder.key != candidate.key else None
        elif any(marker(change.after) == REF for change in changes):
            phase = Phase.REFERENCE
        base = candidate.before if candidate.read_again else None
        self._operation(
            candidate,
            action,
            phase,
            reason,
            changes,
            remote_id=link.remote_id,
            waits_for=waits_for,
            base=base,
        )

    def _switch_off(
        self,
        candidate: Candidate,
        link: Link,
        flipped: Change,
        changes: tuple[Change, ...],
        after: Document,
    ) -> None:
        """Who stays in scope and is not active any more. Access ends at once, whatever becomes of
        the name."""
        reason = "active became false"
        if not self._policy.update:
            changes = (flipped,)
        alone = any(marker(change.after) == REF for change in changes)
        if not alone and any(change.path == NAME_PATH for change in changes):
            holder = self._around.holders.get(fold_name(after[NAME_PATH]) or "")
            why = self._why_taken(candidate, after)
            if why is None and holder is not None and holder.key != candidate.key:
                why = f"userName {after[NAME_PATH]} is that of {holder.key} until then"
            if why is None:
                self._claims.setdefault(fold_name(after[NAME_PATH]) or "", candidate.key)
            else:
                reason, alone = f"{reason}; {why}", True
        later = "all else is planned after that" if alone else None
        changes = (flipped,) if alone else changes
        base = candidate.before if candidate.read_again else None
        remote_id = link.remote_id
        self._operation(
            candidate,
            Action.DEACTIVATE,
            Phase.LEAVE,
            reason,
            changes,
            remote_id=remote_id,
            base=base,
            detail=later,
        )

    def _settle(self, candidate: Candidate, link: Link, after: Document) -> None:
        """What the target holds is right: an earlier trouble is over, and the link says what is."""
        in_scope = candidate.desired is not None and candidate.desired.in_scope
        off = after.get("active") is False or (link.status is LinkStatus.INACTIVE and not in_scope)
        delete_after = deletion_of(link, self._policy, self._now) if off and not in_scope else None
        right = replace(
            link,
            status=LinkStatus.INACTIVE if off else LinkStatus.ACTIVE,
            document=after,
            failures=0,
            next_try_at=None,
            last_error=None,
            in_doubt=False,
            delete_after=delete_after,
            left_at=None if delete_after is None else link.left_at or self._now,
        )
        if right != link:
            self.settled.append(right)

    def _leave_alone(self, candidate: Candidate, link: Link) -> None:
        """What the target holds is not to be changed: an earlier trouble is over, and what was in
        doubt is known now."""
        if candidate.read_again or (link.is_due and not link.in_doubt):
            seen = replace(
                link,
                document=candidate.before,
                failures=0,
                next_try_at=None,
                last_error=None,
                in_doubt=False,
            )
            self.settled.append(seen)

    # People who should have none

    def _absent(self, candidate: Candidate) -> None:
        link, policy = candidate.link, self._policy
        if link is None:
            return
        if not link.has_account or candidate.gone:
            self._without_account(candidate, link)
            return
        action = policy.leave.action
        if candidate.held_since is not None:
            # an order by name is stronger than a switch
            action = "delete" if action == "delete" else "deactivate"
        elif not policy.remove:
            self._leave_alone(candidate, link)
            return
        why = self._why_absent(candidate)
        if link.status is LinkStatus.INACTIVE:
            self._inactive(candidate, link, why, action)
        elif (
            candidate.read_again
            and candidate.before.get("active") is False
            and action == "deactivate"
        ):
            # it was deactivated, and the answer was lost
            self._inactive(
                candidate, replace(link, status=LinkStatus.INACTIVE, left_at=self._now), why, action
            )
        elif action == "delete":
            self._operation(
                candidate, Action.DELETE, Phase.DELETE, why, (), remote_id=link.remote_id
            )
        elif action == "deactivate":
            self._deactivate(candidate, link, why)
        else:
            self._settle(candidate, link, dict(link.document))

    def _without_account(self, candidate: Candidate, link: Link | None) -> None:
        """There is no account, and none is to be made: nothing is left to be tried."""
        if link is None:
            return
        if link.status is LinkStatus.PENDING:
            self.unwanted.append(candidate.key)
        elif candidate.gone or link.is_due:
            gone = replace(
                link,
                status=LinkStatus.DELETED,
                next_try_at=None,
                failures=0,
                last_error=None,
                in_doubt=False,
            )
            self.settled.append(gone)

    def _inactive(self, candidate: Candidate, link: Link, why: str, action: str) -> None:
        """An account that is switched off already: deleted where that is due, else left as it
        is."""
        deletion = deletion_of(link, self._policy, self._now)
        if self._policy.leave.action == "delete":
            self._operation(
                candidate, Action.DELETE, Phase.DELETE, why, (), remote_id=link.remote_id
            )
        elif link.in_doubt and (
            not candidate.read_again or candidate.before.get("active") is not False
        ):
            self._deactivate(candidate, link, why)  # it was switched on, and the answer was lost
        elif deletion is not None and deletion <= self._now:
            reason = f"{why}; to be deleted after {deletion:%Y-%m-%d}"
            self._operation(
                candidate, Action.DELETE, Phase.DELETE, reason, (), remote_id=link.remote_id
            )
        elif action == "deactivate" and (lost := self._revoked(candidate)):
            # the target refused to take them when it was switched off
            base = candidate.before if candidate.read_again else None
            more = {"remote_id": link.remote_id, "base": base, "delete_after": deletion}
            self._operation(
                candidate,
                Action.UPDATE,
                Phase.LEAVE,
                f"{why}; {describe_changes(lost)}",
                lost,
                **more,
            )
        else:
            self._settle(
                candidate, link, dict(candidate.before if candidate.read_again else link.document)
            )

    def _revoked(self, candidate: Candidate) -> tuple[Change, ...]:
        """What somebody loses who leaves, besides access."""
        before = candidate.before
        return tuple(
            Change(path, value, None)
            for path, value in before.items()
            if path in self._policy.revoke
        )

    def _deactivate(self, candidate: Candidate, link: Link, why: str) -> None:
        before = candidate.before
        changes = (Change("active", before.get("active", True), False), *self._revoked(candidate))
        base = before if candidate.read_again else None
        self._operation(
            candidate,
            Action.DEACTIVATE,
            Phase.LEAVE,
            why,
            changes,
            remote_id=link.remote_id,
            base=base,
            delete_after=deletion_of(None, self._policy, self._now),
        )

    def _why_absent(self, candidate: Candidate) -> str:
        if candidate.held_since is not None:
            return f"deprovisioned by hand on {candidate.held_since:%Y-%m-%d}"
        if candidate.desired is None:
            return "no longer in the source"
        scope = self._policy.scope
        return "out of scope" if scope is None else f"out of scope: {scope}"

    # Values and names

    def _resolve(self, key: Key, document: Document) -> dict[str, Value]:
        """References become remote ids, or wait for an account of this plan, or are left out;
        secrets are veiled."""
        for path, value in document.items():
            if isinstance(value, Ref):
                self.references.append(Reference(Kind.USER, key, path, Key(value.key)))
        return self._values(document)

    def _values(self, document: Document) -> dict[str, Value]:
        resolved: dict[str, Value] = {}
        for path, value in document.items():
            if isinstance(value, Ref):
                ref_key = Key(value.key)
                remote_id = self._around.accounts.get(ref_key)
                if remote_id is not None:
                    resolved[path] = remote_id
                elif ref_key in self._around.coming:
                    resolved[path] = {REF: ref_key}
            else:
                resolved[path] = veil(path, value)
        return resolved

    def _name_is_taken(
        self, candidate: Candidate, after: Document, before: Document | None = None
    ) -> bool:
        """Claims the userName for `candidate`; where somebody else has it and keeps it, that is
        this person's failure."""
        name = fold_name(after.get(NAME_PATH))
        if name is None:
            return False
        if before is not None and fold_name(before.get(NAME_PATH)) == name:
            self._claims.setdefault(name, candidate.key)
            return False
        if (why := self._why_taken(candidate, after)) is not None:
            self._fail(candidate, why)
            return True
        self._claims.setdefault(name, candidate.key)
        return False

    def _why_taken(self, candidate: Candidate, after: Document) -> str | None:
        """Why `candidate` cannot get the userName of `after`: somebody else has it and keeps it, or
        was given it in this plan."""
        name = fold_name(after.get(NAME_PATH)) or ""
        holder = self._around.holders.get(name)
        if holder is not None and holder.key != candidate.key and not holder.frees:
            state = "" if holder.active else " (deactivated)"
            return f"userName {after[NAME_PATH]} is taken by the account of {holder.key}{state}"
        first = self._claims.get(name, candidate.key)
        return (
            None
            if first == candidate.key
            else f"userName {after[NAME_PATH]} is wanted by {first} too"
        )

    # Entries

    def _operation(
        self,
        candidate: Candidate,
        action: Action,
        phase: Phase,
        reason: str,
        changes: tuple[Change, ...],
        **more: object,
    ) -> None:
        if action is Action.ADOPT and candidate.desired is not None:
            more["unique_name"] = fold_name(candidate.desired.document.get(NAME_PATH))
        self.operations.append(
            draft(Kind.USER, candidate.key, phase, action, reason, changes, **more)
        )

    def _fail(self, candidate: Candidate, detail: str) -> None:
        phases = Phase.UPDATE, Phase.CREATE
        self.operations.append(
            not_planned(Kind.USER, candidate.key, candidate.link, phases, detail)
        )


def _reserved(desired: Desired) -> str | None:
    """The first path whose value looks like one of the planner's own markers; a record is data and
    gets no say in that."""
    for document in (desired.document, desired.once):
        for path, value in document.items():
            if isinstance(value, (dict, list)) and holds_marker(value):
                return path
    return None
