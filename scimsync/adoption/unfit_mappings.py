"""Attributes whose values differ in most accounts that match: a mapping that does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scimsync.adoption.lookalikes import local_part
from scimsync.adoption.rows import AdoptionOutcome, UserRow
from scimsync.model.changes import Change
from scimsync.model.ids import fold_case

_FEWEST = 3
"""The smallest number of accounts that say something about a mapping."""

_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class AttributeDifference:
    """An attribute that differs in `number` of `total` accounts.

    `how` says what the differing values have in common, or is None. `examples` are pairs of the
    values before and after.
    """

    path: str
    number: int
    total: int
    how: str | None
    examples: tuple[tuple[object, object], ...]


@dataclass(slots=True)
class _DifferenceCount:
    hows: Counter[str | None] = field(default_factory=Counter)
    examples: list[tuple[object, object]] = field(default_factory=list)


def usual_differences(rows: Iterable[UserRow]) -> Iterator[AttributeDifference]:
    """Yield the attributes that a push would overwrite in most of the accounts that match.

    Each `externalId` is the one of a key, so that it says nothing about the mapping.
    """
    total = 0
    counts: dict[str, _DifferenceCount] = {}
    for row in rows:
        if row.outcome not in (AdoptionOutcome.MATCH, AdoptionOutcome.WEAK_MATCH):
            continue
        total += 1
        for change in row.overwritten:
            if change.path == "externalId" or change.after is None:
                continue
            count = counts.setdefault(change.path, _DifferenceCount())
            count.hows[how_different(change)] += 1
            if len(count.examples) < _EXAMPLES:
                count.examples.append((change.before, change.after))
    for path, count in counts.items():
        number = count.hows.total()
        if number >= _FEWEST and number * 2 > total:
            how, most = count.hows.most_common(1)[0]
            shared = how if most * 10 >= number * 9 else None
            yield AttributeDifference(path, number, total, shared, tuple(count.examples))


def how_different(change: Change) -> str | None:
    """Return what two different texts have in common, in words, or None."""
    before, after = change.before, change.after
    if not isinstance(before, str) or not isinstance(after, str):
        return None
    if " ".join(before.split()) == " ".join(after.split()):
        return "in white space only"
    before, after = fold_case(before.strip()), fold_case(after.strip())
    if before == after:
        return "in upper and lower case only"
    if "@" in before and "@" in after and local_part(before) == local_part(after):
        return f"in the domain only: {_domain(before)} and {_domain(after)}"
    if ("@" in before) != ("@" in after) and local_part(before) == local_part(after):
        return "in the part from the @ on, which one of them lacks"
    if sorted(before.replace(",", " ").split()) == sorted(after.replace(",", " ").split()):
        return "in the order of the words only"
    return None


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
