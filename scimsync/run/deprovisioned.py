"""What a run found and did for users who were deprovisioned by hand, target by target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Link, LinkStatus
from scimsync.model.operations import (
    REMOVAL_ACTIONS,
    Action,
    JournaledOperation,
    OperationFilter,
    OperationStatus,
)
from scimsync.run.outcome import RunOutcome
from scimsync.state import link_store, operation_journal
from scimsync.state.store import Store


class AccessStatus(StrEnum):
    """The outcome for the access of one user at one target."""

    DEACTIVATED = "deactivated"
    DELETED = "deleted"
    INACTIVE = "inactive"
    NO_ACCOUNT = "no_account"
    UNSETTLED = "unsettled"
    NOT_ASKED = "not_asked"


_TEXTS: Mapping[AccessStatus, str] = {
    AccessStatus.DEACTIVATED: "deactivated",
    AccessStatus.DELETED: "deleted",
    AccessStatus.INACTIVE: "was inactive already",
    AccessStatus.NO_ACCOUNT: "no account found",
    AccessStatus.UNSETTLED: "may still have access, and is tried again",
    AccessStatus.NOT_ASKED: "not asked in this run; the next push does it",
}


@dataclass(frozen=True, slots=True)
class AccessAt:
    """The access of one user at `target`. `detail` says why it is unsettled."""

    target: str
    status: AccessStatus
    remote_id: RemoteId | None = None
    detail: str | None = None

    @property
    def text(self) -> str:
        """`deactivated (account id-5)`."""
        if self.detail is not None:
            return f"{_TEXTS[self.status]}: {self.detail}"
        account = f" (account {self.remote_id})" if self.remote_id is not None else ""
        return f"{_TEXTS[self.status]}{account}"


def access_after(
    store: Store, outcome: RunOutcome, keys: Sequence[Key], targets: Sequence[str]
) -> dict[Key, list[AccessAt]]:
    """Return the outcome for the access of `keys` at each of `targets`, after the run `outcome`."""
    found: dict[Key, list[AccessAt]] = {key: [] for key in keys}
    with store.read() as connection:
        for name in targets:
            known = link_store.get_links(connection, name, Kind.USER, keys)
            sent = OperationFilter(
                run=outcome.run, target=name, kind=Kind.USER, keys=keys, actions=REMOVAL_ACTIONS
            )
            removals = {one.key: one for one in operation_journal.find(connection, sent)}
            asked = outcome.targets.get(name)
            for key in keys:
                if asked is None:
                    found[key].append(AccessAt(name, AccessStatus.NOT_ASKED))
                    continue
                one = _access_at(name, known.get(key), removals.get(key))
                if one.status is AccessStatus.UNSETTLED and asked.error is not None:
                    one = replace(one, detail=asked.error.message)
                found[key].append(one)
    return found


def _access_at(target: str, link: Link | None, removal: JournaledOperation | None) -> AccessAt:
    remote_id = None if link is None else link.remote_id
    if link is not None and link.may_have_access_since is not None:
        why = link.last_error
        if removal is not None and removal.detail is not None:
            why = removal.detail
        return AccessAt(target, AccessStatus.UNSETTLED, remote_id, why)
    if link is None or not link.has_account:
        deleted = (
            removal is not None
            and removal.status is OperationStatus.APPLIED
            and removal.action == Action.DELETE
            and removal.detail is None  # otherwise it was gone already
        )
        return AccessAt(target, AccessStatus.DELETED if deleted else AccessStatus.NO_ACCOUNT)
    if removal is None or link.status is not LinkStatus.INACTIVE:
        return AccessAt(target, AccessStatus.INACTIVE, remote_id)
    return AccessAt(target, AccessStatus.DEACTIVATED, remote_id)
