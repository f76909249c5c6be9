"""Apply the decisions about keys to one target, and hold back records of other people."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from scimsync.model.ids import Document, Key, Kind, Seq
from scimsync.model.links import Link
from scimsync.model.persons import became_another, can_compare
from scimsync.model.records import Record
from scimsync.plan.arrivals import Desire, is_fresh
from scimsync.plan.batch import Batch
from scimsync.plan.identities import Identities, IdentityChanges, is_held_as_another, why_another
from scimsync.plan.protocols import PlanningState, Records


class IdentityCheck:
    """The users of one target that may be other persons than before.

    `desire` computes the desired documents of users, and `paths` are the attributes that they have.
    `identities` are the decisions for all targets, with the moves that apply to this one.
    `accepted` is the sequence number up to which earlier runs accepted plans.
    """

    def __init__(
        self,
        state: PlanningState,
        records: Records,
        sources: tuple[str, ...],
        paths: Collection[str],
        desire: Desire,
    ) -> None:
        self._state = state
        self._records = records
        self._sources = sources
        self._desire = desire
        self._can_compare = can_compare(paths)
        self._held_back: set[Key] = set()
        self._others: set[Key] = set()
        self._are_others: dict[Key, bool] = {}
        self.identities = Identities()
        self.accepted = Seq(0)

    @property
    def changes(self) -> IdentityChanges:
        """The keys that the plan treats as other users' than before."""
        concerned = self.identities.moves.keys() | self._held_back
        replaced = [pair for pair in self.identities.fresh if concerned & {*pair}]
        return IdentityChanges(replaced, sorted(self._others))

    def settle(self, identities: Identities) -> None:
        """Move the accounts of this target that are to be moved.

        An account moves unless its user stays here, or the new key has an account of its own. So
        does one that may have been created: it is looked up for the new key.
        """
        old_keys = {move.old: key for key, move in identities.moves.items()}
        links = self._state.links(Kind.USER, sorted({*old_keys, *old_keys.values()}))
        desired, failures = self._desire(sorted(old_keys.keys() & links.keys()))
        moves = {
            key: move
            for key, move in identities.moves.items()
            if _may_have_account(links, move.old)
            and not _may_have_account(links, key)
            and move.old not in failures
            and not (move.old in desired and desired[move.old].in_scope)
        }
        self.identities = replace(identities, moves=moves)
        if moves:
            self._state.move({key: move.old for key, move in moves.items()})

    def why_moved(self, key: Key) -> str | None:
        """Return why the account of another key is moved to this one, or None if it is not."""
        move = self.identities.moves.get(key)
        return None if move is None else move.reason

    def hold_back(self, batch: Batch) -> None:
        """Fail users that may be another person than their account, or than their key."""
        for key in batch.keys:
            link = batch.links.get(key)
            why = self.identities.held.get(key)
            if why is not None and (_may_have_account(batch.links, key) or batch.is_wanted(key)):
                batch.failures[key] = why
                self._held_back.add(key)
            elif link is not None and link.has_account and batch.is_wanted(key):
                self._hold_another(batch, key, link)
            self._note_another(key, link, batch.failures.get(key))

    def note_passed(self, keys: Sequence[Key]) -> None:
        """Note users that get the userName of another user."""
        self._others |= {*keys}

    def others(self, keys: Sequence[Key]) -> dict[Key, str]:
        """Return those of `keys` whose records are of another person than before, and why."""
        links = self._state.links(Kind.USER, keys) if keys else {}
        linked = [key for key, link in links.items() if link.has_account]
        desired, _ = self._desire(linked)
        found = {
            key: self._why_another(key, links[key], user.document)
            for key, user in desired.items()
            if user.in_scope
        }
        return {key: why for key, why in found.items() if why is not None}

    def known_others(self, keys: Sequence[Key]) -> set[Key]:
        """Return those of `keys` that this plan or an earlier one holds back as other persons."""
        held = self.identities.held
        return {
            key
            for key, link in self._state.links(Kind.USER, keys).items()
            if link.has_account
            and self._are_others.get(key, is_held_as_another(held.get(key, link.last_error)))
        }

    def _note_another(self, key: Key, link: Link | None, failure: str | None) -> None:
        """Remember whether a user is held back as another person, if it was or is."""
        is_another = is_held_as_another(failure)
        if is_another or (link is not None and is_held_as_another(link.last_error)):
            self._are_others[key] = is_another

    def _hold_another(self, batch: Batch, key: Key, link: Link) -> None:
        """Fail a user whose record now describes another person, until someone confirms it.

        Without names to compare, it stays held back while the record does not change.
        """
        why = self._why_another(key, link, batch.desired[key].document)
        if why is not None:
            batch.failures[key] = why
            if self._is_new(key):
                self._others.add(key)
        elif (
            not self._can_compare and is_held_as_another(link.last_error) and not self._is_new(key)
        ):
            batch.failures[key] = (link.last_error or "").strip()

    def _why_another(self, key: Key, link: Link, after: Document) -> str | None:
        if not became_another(link.document, after):
            return None
        record = self._record(key)
        if record is not None and link.confirmed_seq == record.seq:
            return None
        return why_another(key, link.document, after)

    def _is_new(self, key: Key) -> bool:
        """Return whether no earlier run accepted this version of the record."""
        return is_fresh(self._record(key), self.accepted)

    def _record(self, key: Key) -> Record | None:
        return self._records.get(self._sources, [key]).get(key)


def _may_have_account(links: Mapping[Key, Link], key: Key) -> bool:
    return key in links and links[key].may_have_account
