"""Whether two keys are one user, and whether one key became another user: the table of cases."""

from __future__ import annotations

import pytest

from scimsync.model.ids import Key
from scimsync.model.persons import Agreement
from scimsync.plan.identities import Obstacle, Suspicion, fold_key, settle
from tests.error_text import text_of

SAME, DIFFERENT, UNKNOWN = Agreement


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("00123", "123", True),
        ("AB 1", "ab1", True),
        ("a1", "a01", False),
        ("1230", "123", False),
        ("000", "0", True),
    ],
)
def test_keys_are_alike(one: str, other: str, alike: bool) -> None:
    assert (fold_key(Key(one)) == fold_key(Key(other))) is alike


def pair(
    new: str, old: str, agreement: Agreement = SAME, obstacle: Obstacle | None = None
) -> Suspicion:
    """One suspicion."""
    return Suspicion(Key(new), Key(old), "userName ada@x", agreement, obstacle)


SETTLED: list[tuple[list[Suspicion], dict[str, str], dict[str, str]]] = [
    ([], {}, {}),
    ([pair("E9", "C1")], {"E9": "C1"}, {}),
    ([pair("E9", "C1"), pair("E9", "C1", UNKNOWN)], {"E9": "C1"}, {}),  # at two targets
    ([pair("E9", "C1"), pair("E9", "C1", DIFFERENT)], {}, {"E9": "the names differ"}),
    ([pair("E9", "C1", DIFFERENT)], {}, {"E9": "the names differ"}),
    ([pair("E9", "C1", UNKNOWN)], {}, {"E9": "no names to compare", "C1": "may be"}),
    ([pair("E9", "C1", SAME, Obstacle.LONG_AGO)], {}, {"E9": "30 days ago"}),
    ([pair("E9", "C1", SAME, Obstacle.BY_HAND)], {}, {"E9": "deprovisioned by hand"}),
    ([pair("E9", "C1", SAME, Obstacle.STAYS)], {}, {}),
    ([pair("E9", "C1"), pair("E9", "C1", SAME, Obstacle.STAYS)], {}, {}),
    (
        [pair("E9", "C1"), pair("E10", "C1")],
        {},
        {"E9": "other new keys", "E10": "other new keys", "C1": "may be"},
    ),
    ([pair("E9", "C1"), pair("E10", "C1", DIFFERENT)], {"E9": "C1"}, {}),
    (
        [pair("E9", "C1"), pair("E9", "C2")],
        {},
        {"E9": "other keys that left", "C1": "may be", "C2": "may be"},
    ),
]
"""What is suspected; new key -> old key of the moves; key -> a part of why it is held back."""


@pytest.mark.parametrize(("suspicions", "moves", "held"), SETTLED)
def test_suspicions_are_settled(
    suspicions: list[Suspicion], moves: dict[str, str], held: dict[str, str]
) -> None:
    identities = settle(suspicions)

    assert {new: move.old for new, move in identities.moves.items()} == moves
    assert identities.held.keys() == held.keys()
    for key, part in held.items():
        assert part in identities.held[Key(key)]


def test_the_message_names_the_command() -> None:
    held = settle([pair("E 9", "C1", DIFFERENT)]).held

    assert text_of(held[Key("E 9")]) == (
        "same userName ada@x as the account of C1, which left, and the names differ; if they are"
        " the same person: scimsync rekey C1 'E 9'"
    )
