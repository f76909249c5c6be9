"""References that stay as they are, because it is uncertain whose account they should refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace

from scimsync.errors import coded
from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.model.links import Reference
from scimsync.model.operations import Action, Operation, Phase, unplanned
from scimsync.model.placeholders import IdOf
from scimsync.plan.batch import Batch
from scimsync.plan.candidates import Surroundings
from scimsync.plan.identities import why_another_not_referred
from scimsync.plan.identity_check import IdentityCheck
from scimsync.plan.protocols import Records, TargetRules, sources_of_groups


class KeptReferences:
    """The references of one batch of users that stay as they are.

    `referrers` are the users of all batches with such a reference.
    """

    def __init__(self, records: Records, rules: TargetRules) -> None:
        self._records = records
        self._of_groups = sources_of_groups(rules)
        self._others: dict[Key, RemoteId] = {}
        self._unknown: frozenset[Key] = frozenset()
        self.referrers: set[Key] = set()

    def start(self) -> None:
        """Begin another batch."""
        self._others, self._unknown = {}, frozenset()

    def without_others(
        self, around: Surroundings, batch: Batch, identity: IdentityCheck
    ) -> Surroundings:
        """Add no references to accounts of keys whose records belong to other persons."""
        referred = sorted(_newly_referred(batch, around.accounts))
        others = identity.known_others(referred) | identity.others(referred).keys()
        if not others:
            return around
        accounts = dict(around.accounts)
        self._others = {key: accounts.pop(key) for key in others}
        return replace(around, accounts=accounts, waiting=around.waiting | others)

    def note_unknown(self, batch: Batch, keys: Set[Key]) -> set[Key]:
        """Note those of `keys` that no source has or had, and that users refer to by key.

        Return them. A name that no record has any longer is no misspelled key.
        """
        by_key = {value.key for _, _, value in _references(batch) if value.name is None}
        unknown = sorted(keys & by_key)
        known = self._records.known_elsewhere(unknown, self._of_groups) if unknown else set()
        self._unknown = frozenset(unknown) - known
        return {*self._unknown}

    def failures(self, batch: Batch, references: Iterable[Reference]) -> Iterator[Operation]:
        """Yield a failed operation for each of `references` that should change and does not."""
        for one in references:
            held = _held(batch, one.key, one.path)
            if one.ref_key in self._others and held != self._others[one.ref_key]:
                self.referrers.add(one.key)
                yield _failure(batch, one, why_another_not_referred(one.ref_key, one.path))
            elif one.ref_key in self._unknown and held is not None:
                self.referrers.add(one.key)
                why = f"{one.path} stays as it is: no record has the key {one.ref_key}"
                yield _failure(batch, one, coded(why, "SYNC-0357"))


def _newly_referred(batch: Batch, accounts: Mapping[Key, RemoteId]) -> set[Key]:
    """Return the keys of `accounts` that users of a batch do not refer to yet."""
    return {
        value.key
        for key, path, value in _references(batch)
        if value.key in accounts and _held(batch, key, path) != accounts[value.key]
    }


def _references(batch: Batch) -> Iterator[tuple[Key, str, IdOf]]:
    """Yield the users of a batch with the paths and values of their references."""
    for key, user in batch.desired.items():
        for path, value in user.document.items():
            if isinstance(value, IdOf):
                yield key, path, value


def _held(batch: Batch, key: Key, path: str) -> object:
    """Return the value that the account of a user holds at a path, None without any."""
    return batch.links[key].document.get(path) if batch.has_account(key) else None


def _failure(batch: Batch, reference: Reference, why: str) -> Operation:
    link = batch.links.get(reference.key)
    remote_id = None if link is None else link.remote_id
    return unplanned(Phase.REFERENCE, Kind.USER, reference.key, Action.UPDATE, why, remote_id)
