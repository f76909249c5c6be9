"""Whether a key that arrives is a user who left under another key, and whether one became another.

A target suspects that two keys are one user if the account of the old key, whose user left, has the
userName or another match attribute of the new one, or if the keys differ in case, blanks and
leading zeros only. `settle` decides for all targets at once:

| suspicion | new key | old key |
| --- | --- | --- |
| the names agree | gets the account | moves |
| the names differ | held back | leaves |
| there are no names to compare | held back | held back |
| several new keys, or several old ones, agree | held back | held back |
| the old key left too long ago, or was deprovisioned by hand | held back | leaves |

Names agree if family name and given name do, or displayName. There is no clock, network or database
here.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from scimsync.errors import coded
from scimsync.model.ids import UNIQUE_ATTRIBUTE, Document, Key, Kind
from scimsync.model.persons import Agreement

LONGEST_ABSENCE = timedelta(days=30)
"""How long after a user left the account moves to a new key without being asked for."""

_USER_NAME = UNIQUE_ATTRIBUTE[Kind.USER]

ANOTHER = "SYNC-0382"
"""The message about keys with the record of another person."""

NOTHING_NEW = "SYNC-0354"
"""The message about groups and references that such keys do not get."""


class Obstacle(StrEnum):
    """Why an account is not moved whatever the names are."""

    STAYS = "stays"
    """The old key still has a record in scope at a target."""
    LONG_AGO = "long ago"
    BY_HAND = "by hand"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """One target's reason to believe that the user `old`, who left, is the arriving user `new`.

    `shared` is what they have in common, such as `userName ada@example.com`. `fresh`: nothing of it
    was accepted by an earlier run.
    """

    new: Key
    old: Key
    shared: str
    names: Agreement
    obstacle: Obstacle | None = None
    fresh: bool = True


@dataclass(frozen=True, slots=True)
class Move:
    """The account of `old` belongs to another key now, for a reason."""

    old: Key
    reason: str


@dataclass(frozen=True, slots=True)
class Identities:
    """What a run decides about keys: the same at all targets.

    `moves` maps new keys to the accounts they get. `held` maps keys about which nothing is sent to
    the message that says why. `fresh` are the pairs of keys, old and new, that no earlier run
    decided about.
    """

    moves: Mapping[Key, Move] = field(default_factory=dict)
    held: Mapping[Key, str] = field(default_factory=dict)
    fresh: Sequence[tuple[Key, Key]] = ()


NOTHING_SUSPECTED = Identities()
"""The identities of a run in which no key resembles another."""


@dataclass(frozen=True, slots=True)
class IdentityChanges:
    """The keys that one plan treats as other users' than before.

    `replaced` are pairs of keys, old and new. `others` are keys whose record became another user's,
    or that get another user's userName.
    """

    replaced: Sequence[tuple[Key, Key]] = ()
    others: Sequence[Key] = ()

    @property
    def number(self) -> int:
        """The number of accounts concerned."""
        return len(self.replaced) + len(self.others)

    def first(self, most: int) -> list[str]:
        """Return the first of them, for a message."""
        texts = [*(f"{old} -> {new}" for old, new in self.replaced[:most]), *self.others[:most]]
        return texts[:most]


def fold_key(key: Key) -> str:
    """Return the common form of keys that differ only in case, spaces and leading zeros."""
    return "".join(key.split()).casefold().lstrip("0")


def rekey_command(old: Key, new: Key) -> str:
    """Return the command that makes two keys one user."""
    return f"scimsync rekey {shlex.quote(old)} {shlex.quote(new)}"


def settle(suspicions: Iterable[Suspicion]) -> Identities:
    """Decide which accounts move and which keys are held back, by the suspicions of targets."""
    pairs: dict[tuple[Key, Key], list[Suspicion]] = {}
    for suspicion in suspicions:
        pairs.setdefault((suspicion.old, suspicion.new), []).append(suspicion)
    merged = [_merged(some) for some in pairs.values()]
    movable = {(one.old, one.new) for one in merged if _is_movable(one)}
    olds = Counter(old for old, _ in movable)
    news = Counter(new for _, new in movable)
    moves = {
        one.new: Move(one.old, f"moved from {one.old}: same {one.shared}, same name")
        for one in merged
        if (one.old, one.new) in movable and olds[one.old] == news[one.new] == 1
    }
    held = _held(merged, moves, olds)
    decided = moves.keys() | held.keys()
    fresh = sorted((one.old, one.new) for one in merged if one.fresh and one.new in decided)
    return Identities(moves, held, fresh)


def _held(
    merged: Iterable[Suspicion], moves: Mapping[Key, Move], olds: Mapping[Key, int]
) -> dict[Key, str]:
    """Return the keys that are held back, and why."""
    moved = {move.old for move in moves.values()}
    held: dict[Key, str] = {}
    for one in merged:
        # who finds a userName taken by the new key of a move has a conflict of names
        if one.new in moves or one.old in moved or one.obstacle is Obstacle.STAYS:
            continue
        held.setdefault(one.new, _why_held(one, olds))
        if one.obstacle is None and one.names is not Agreement.DIFFERENT:
            held.setdefault(one.old, _why_leaver_is_held(one))
    return held


def _merged(some: Sequence[Suspicion]) -> Suspicion:
    """Return the most careful suspicion of several targets about one pair of keys."""
    first = some[0]
    names = {one.names for one in some}
    agreement = next(
        one for one in (Agreement.DIFFERENT, Agreement.SAME, Agreement.UNKNOWN) if one in names
    )
    obstacles = {one.obstacle for one in some}
    obstacle = next((one for one in Obstacle if one in obstacles), None)
    fresh = any(one.fresh for one in some)
    return Suspicion(first.new, first.old, first.shared, agreement, obstacle, fresh)


def _is_movable(one: Suspicion) -> bool:
    return one.obstacle is None and one.names is Agreement.SAME


def _why_held(one: Suspicion, olds: Mapping[Key, int]) -> str:
    if one.obstacle is Obstacle.LONG_AGO:
        why = f"which left more than {LONGEST_ABSENCE.days} days ago"
    elif one.obstacle is Obstacle.BY_HAND:
        why = "which was deprovisioned by hand"
    elif one.names is Agreement.DIFFERENT:
        why = "which left, and the names differ"
    elif one.names is Agreement.UNKNOWN:
        why = "which left, and there are no names to compare"
    elif olds.get(one.old, 0) > 1:
        why = "which left, and other new keys have the same names"
    else:
        why = "which left, and other keys that left have the same names"
    return coded(
        f"same {one.shared} as the account of {one.old}, {why}; if they are the same person:"
        f" {rekey_command(one.old, one.new)}",
        "SYNC-0380",
    )


def _why_leaver_is_held(one: Suspicion) -> str:
    return coded(
        f"left, but may be the same person as {one.new}, with the same {one.shared}; the account"
        f" stays as it is; if they are the same person: {rekey_command(one.old, one.new)}",
        "SYNC-0381",
    )


def is_held_as_another(error: str | None) -> bool:
    """Return whether `error` says that a record is of another person."""
    return error is not None and f"[{ANOTHER}]" in error


def why_another(key: Key, before: Document, after: Document) -> str:
    """Return why nothing is sent about a key that became another person."""
    was, now = (str(document.get(_USER_NAME)) for document in (before, after))
    return coded(
        f"the record belongs to another person: userName {was} became "
        f"{now}, and no name is the same;"
        f" if it is the same person: {rekey_command(key, key)}",
        ANOTHER,
    )


def why_another_not_added(group: Key) -> str:
    """Return why a key that became another person is not added to a group."""
    return coded(
        f"not added to the group {group}: the record belongs to another person than the account",
        NOTHING_NEW,
    )


def why_another_not_referred(key: Key, path: str) -> str:
    """Return why a user does not refer to a key that became another person."""
    return coded(
        f"{path} does not refer to {key}: the record belongs to another person than the account",
        NOTHING_NEW,
    )
