"""Write the decisions of a batch: operations, links that change, and claims of names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from scimsync.errors import coded
from scimsync.model.accounts import Account
from scimsync.model.changes import Change
from scimsync.model.ids import Document, Key, Kind, Value, fold_name
from scimsync.model.links import Link, LinkStatus, Reference
from scimsync.model.operations import Action, Operation, Phase, unplanned
from scimsync.model.placeholders import IdOf
from scimsync.plan.candidates import Candidate, Policy, Surroundings
from scimsync.plan.deletions import deletion_time, uncounted
from scimsync.plan.document_diff import hide_sensitive
from scimsync.plan.protection import why_protected
from scimsync.plan.traits import Traits

REST_FOLLOWS = "all other changes are planned after that"


@dataclass(slots=True)
class Decisions:
    """The outcome for a batch of candidates.

    `references` are all references of the wanted candidates. `updated_links` are links that change
    without an operation. `found_links` are those of accounts that were found and are to be removed.
    `unwanted` are keys whose pending link is dropped. `returned` are keys that had left and are
    wanted again, whether or not that succeeds. `unconfirmed` are keys of accounts whose deletion is
    due and waits for another run. `passed` are keys that get the userName of another one.
    `protected` are users out of scope with an account that was found and stays as it is, with the
    reason. `unchangeable` are attributes that should change in an adopted account and cannot.
    """

    operations: list[Operation] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    updated_links: list[Link] = field(default_factory=list)
    found_links: list[Link] = field(default_factory=list)
    unwanted: list[Key] = field(default_factory=list)
    returned: list[Key] = field(default_factory=list)
    unconfirmed: list[Key] = field(default_factory=list)
    passed: list[Key] = field(default_factory=list)
    protected: dict[Key, str] = field(default_factory=dict)
    unchangeable: list[tuple[str, Key]] = field(default_factory=list)


class DecisionWriter:
    """The decisions so far. `claims` grows, so that no two candidates get the same name."""

    def __init__(self, traits: Traits, policy: Policy, around: Surroundings, now: datetime) -> None:
        self.traits = traits
        self.policy = policy
        self.around = around
        self.now = now
        self.claims = dict(around.claimed)
        self.adopted = dict(around.adopted)
        self.decisions = Decisions()

    def add(
        self,
        candidate: Candidate,
        action: Action,
        phase: Phase,
        reason: str,
        changes: tuple[Change, ...] = (),
        **more: Any,
    ) -> None:
        """Add an operation, or the failure of a protected account. `more` are fields of it."""
        obstacle = why_protected(candidate.protected_by, more.get("remote_id"), action)
        if obstacle is not None:
            self.fail(candidate, obstacle)
            return
        if self.around.gives_no_access is not None and _gives_access(action, changes):
            self.fail(candidate, self.around.gives_no_access)
            return
        if action is not Action.DEACTIVATE:  # access does not wait for other values
            obstacle = self.policy.product.why_refused(self.traits.kind, changes)
            if obstacle is not None:
                self.fail(candidate, obstacle)
                return
        if self.traits.kind is Kind.USER and (meaning := self.policy.product.meaning_of(action)):
            reason = f"{reason}; {meaning}"
        unique = self.traits.unique
        named = next((change.after for change in changes if change.path == unique), None)
        fields = {"unique_name": fold_name(named), **more}
        if candidate.moved is not None:
            reason = f"{candidate.moved}; {reason}"
        self.decisions.operations.append(
            Operation(
                phase=phase,
                kind=self.traits.kind,
                key=candidate.key,
                action=action,
                reason=reason,
                changes=changes,
                **fields,
            )
        )

    def fail(self, candidate: Candidate, detail: str) -> None:
        """Add the failure of a candidate that cannot be planned."""
        link = candidate.link
        may_have_access = link is not None and link.may_have_access_since is not None
        leaves = candidate.held_since is not None or (
            not candidate.is_wanted and (candidate.desired is not None or may_have_access)
        )
        phase, action = self.traits.create, Action.CREATE
        if link is not None and link.has_account:
            phase, action = self.traits.update, Action.UPDATE
        elif leaves:
            phase, action = self.traits.leave, Action.DEACTIVATE
        remote_id = link.remote_id if link is not None else None
        self.decisions.operations.append(
            unplanned(phase, self.traits.kind, candidate.key, action, detail, remote_id)
        )

    def ignore(self, candidate: Candidate, link: Link) -> None:
        """Leave the account as it is, and clear earlier failures and doubts of the link."""
        if candidate.read_again or (link.is_due and not link.in_doubt):
            self.decisions.updated_links.append(
                without_failure(replace(link, document=candidate.before))
            )

    def forget(self, candidate: Candidate, link: Link | None) -> None:
        """Update the link of a candidate without an account that gets none."""
        if link is None:
            return
        if link.status is LinkStatus.PENDING:
            self.decisions.unwanted.append(candidate.key)
        elif candidate.gone or link.is_due:
            self.decisions.updated_links.append(
                without_failure(replace(link, status=LinkStatus.DELETED))
            )

    def update_link(self, candidate: Candidate, link: Link, held: Document) -> None:
        """Update the link of a resource that already has the desired values."""
        inactive = held.get("active") is False or (
            link.status is LinkStatus.INACTIVE and not candidate.is_wanted
        )
        leaves = inactive and not candidate.is_wanted
        delete_after = deletion_time(link, self.policy, self.now) if leaves else None
        updated = replace(
            without_failure(link),
            status=LinkStatus.INACTIVE if inactive else LinkStatus.ACTIVE,
            document=held,
            delete_after=delete_after,
            left_at=None if delete_after is None else link.left_at or self.now,
            left_before=link.left_before and leaves,
            echoes=() if candidate.read_again else link.echoes,
        )
        doubt = self.around.clock_doubt
        if updated.left_at is not None and link.left_at is None and doubt and doubt.is_wrong:
            updated = uncounted(updated, self.now)
        if updated != link:
            self.decisions.updated_links.append(updated)

    def ambiguous(self, accounts: Sequence[Account]) -> str:
        """Return the message about several accounts that match."""
        ids = ", ".join(match.remote_id for match in accounts[:5])
        what = f"{len(accounts)} {self.traits.noun}s match by {accounts[0].found_by}"
        return coded(f"ambiguous: {what}: {ids}", "SYNC-0342")

    def resolve(self, document: Document) -> dict[str, Value]:
        """Replace references by remote ids where these are known, and hide sensitive values.

        A reference to a key that gets an account in this plan remains; one to a key without an
        account is left out.
        """
        resolved: dict[str, Value] = {}
        for path, value in document.items():
            if not isinstance(value, IdOf):
                resolved[path] = hide_sensitive(path, value)
            elif (remote_id := self.around.accounts.get(value.key)) is not None:
                resolved[path] = remote_id
            elif value.key in self.around.arriving:
                resolved[path] = value
        return resolved

    def keep_waiting(
        self, candidate: Candidate, desired: Document, after: dict[str, Value]
    ) -> None:
        """Keep the value of a reference while the account that it should refer to waits."""
        for path, value in desired.items():
            is_waiting = isinstance(value, IdOf) and value.key in self.around.waiting
            if is_waiting and path in candidate.before:
                after[path] = candidate.before[path]

    def name_is_taken(
        self, candidate: Candidate, after: Document, before: Document | None = None
    ) -> bool:
        """Claim the unique name for `candidate`, or report the account that keeps it."""
        unique = self.traits.unique
        name = fold_name(after.get(unique))
        if name is None:
            return False
        if before is None or fold_name(before.get(unique)) != name:
            conflict = self._name_conflict(candidate, after)
            if conflict is not None:
                self.fail(candidate, coded(conflict, "SYNC-0341"))
                return True
            if self.other_holder(candidate, after) is not None:
                self.decisions.passed.append(candidate.key)
        self.claims.setdefault(name, candidate.key)
        return False

    def why_name_is_not_free(self, candidate: Candidate, after: Document) -> str | None:
        """Return the conflict of names, or the account that holds the name until it gives it up."""
        conflict = self._name_conflict(candidate, after)
        holder = self.other_holder(candidate, after)
        if conflict is None and holder is not None:
            unique = self.traits.unique
            return f"{unique} {after[unique]} belongs to {holder} until then"
        return conflict

    def waits_for(self, candidate: Candidate, after: Document) -> Key | None:
        """Return whose operation has to free the unique name of `after` first, if any."""
        return self.other_holder(candidate, after)

    def other_holder(self, candidate: Candidate, after: Document) -> Key | None:
        """Return whose account holds the unique name of `after` now, if it is another one's."""
        holder = self.around.holders.get(fold_name(after.get(self.traits.unique)) or "")
        return holder.key if holder is not None and holder.key != candidate.key else None

    def _name_conflict(self, candidate: Candidate, after: Document) -> str | None:
        """Return why the name of `after` is taken: by its holder, or by a claim in this plan."""
        unique = self.traits.unique
        name = fold_name(after.get(unique)) or ""
        holder = self.around.holders.get(name)
        if holder is not None and holder.key != candidate.key and not holder.frees:
            state = "" if holder.active else " (deactivated)"
            taken = "is taken by" if holder.certain else "may have been given to"
            return f"{unique} {after[unique]} {taken} {self.traits.holder} {holder.key}{state}"
        first = self.claims.get(name, candidate.key)
        if first == candidate.key:
            return None
        return f"{unique} {after[unique]} is also wanted by {first}"


def _gives_access(action: Action, changes: Sequence[Change]) -> bool:
    """Return whether an operation gives a user an account, or gives access back."""
    return action in (Action.CREATE, Action.REACTIVATE) or any(
        change.path == "active" and change.after is True for change in changes
    )


def without_failure(link: Link) -> Link:
    """Return the link without earlier failures, not in doubt, and without access to remove."""
    return replace(
        link,
        failures=0,
        next_try_at=None,
        last_error=None,
        in_doubt=False,
        may_have_access_since=None,
    )
