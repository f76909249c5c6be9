"""References that stay as they are, because it is uncertain whose account they should refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Reference
from scimsync.model.operations import Action, Operation, OperationStatus, Phase
from scimsync.model.placeholders import IdOf
from scimsync.plan.batch import Batch
from scimsync.plan.identities import why_another_not_referred


def newly_referred(batch: Batch, accounts: Mapping[Key, RemoteId]) -> set[Key]:
    """Return the keys of `accounts` that users of a batch do not refer to yet."""
    return {
        value.key
        for key, user in batch.desired.items()
        for path, value in user.document.items()
        if isinstance(value, IdOf)
        and value.key in accounts
        and _held(batch, key, path) != accounts[value.key]
    }


class KeptReferences:
    """The references of one batch of users that stay as they are.

    `referrers` are the users of all batches with such a reference.
    """

    def __init__(self) -> None:
        self._others: dict[Key, RemoteId] = {}
        self.referrers: set[Key] = set()

    def start(self) -> None:
        """Begin another batch."""
        self._others = {}

    def note_others(self, accounts: Mapping[Key, RemoteId]) -> None:
        """Note the accounts of keys whose records belong to other persons."""
        self._others = dict(accounts)

    def failures(self, batch: Batch, references: Iterable[Reference]) -> Iterator[Operation]:
        """Yield a failed operation for each of `references` that should change and does not."""
        for one in references:
            held = _held(batch, one.key, one.path)
            if one.ref_key in self._others and held != self._others[one.ref_key]:
                self.referrers.add(one.key)
                yield _failure(batch, one, why_another_not_referred(one.ref_key, one.path))


def _held(batch: Batch, key: Key, path: str) -> object:
    """Return the value that the account of a user holds at a path, None without any."""
    return batch.links[key].document.get(path) if batch.has_account(key) else None


def _failure(batch: Batch, reference: Reference, why: str) -> Operation:
    link = batch.links.get(reference.key)
    return Operation(
        phase=Phase.REFERENCE,
        kind=Kind.USER,
        key=reference.key,
        action=Action.UPDATE,
        reason="could not be planned",
        status=OperationStatus.FAILED,
        remote_id=None if link is None else link.remote_id,
        detail=why,
    )
