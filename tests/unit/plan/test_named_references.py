"""References by name become references to keys, or fail the user who refers."""

from __future__ import annotations

import pytest

from scimsync.desired import Desired
from scimsync.model.ids import Key
from scimsync.model.names import name_of
from scimsync.model.placeholders import IdOf
from scimsync.plan.named_references import resolve_names
from tests.unit.plan.memory import MemoryRecords

ANN, BOB, PAT = Key("1"), Key("2"), Key("3")


def referring(value: str) -> Desired:
    name = f"email={value}"
    return Desired(PAT, in_scope=True, document={"manager": IdOf(Key(name), name)})


@pytest.mark.parametrize(
    ("holders", "key"),
    [
        ({"email=ann": [ANN]}, ANN),
        ({"email=bob": [BOB]}, Key("email=ann")),  # nobody has it
        ({}, Key("email=ann")),
    ],
)
def test_a_name_becomes_a_key(holders: dict[str, list[Key]], key: Key) -> None:
    records = MemoryRecords(names=holders)

    desired, ambiguous = resolve_names(records, ["hr"], {PAT: referring("ann")})

    assert not ambiguous
    found = desired[PAT].document["manager"]
    assert (found, found.name) == (IdOf(key), "email=ann")
    assert found.is_unresolved == (key == "email=ann")


@pytest.mark.parametrize(
    ("number", "detail"),
    [
        (2, "ambiguous reference: 2 records have email=ann: 0, 1"),
        (7, "ambiguous reference: 7 records have email=ann: 0, 1, 2, 3, 4 and 2 more"),
    ],
)
def test_a_name_of_several_fails(number: int, detail: str) -> None:
    records = MemoryRecords(names={"email=ann": [Key(str(one)) for one in range(number)]})

    desired, ambiguous = resolve_names(
        records, ["hr"], {PAT: referring("ann"), BOB: referring("bob")}
    )

    assert desired.keys() == {BOB}
    assert (ambiguous[PAT].path, ambiguous[PAT].detail) == ("manager", detail)
    assert str(ambiguous[PAT]).endswith("[SYNC-0293]")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Ann@Example.com", "email=ann@example.com"),
        ("  Ann \u00a0 Lee\n", "email=ann lee"),
        ("Zoe\u0301", "email=zo\u00e9"),  # composed or not
        ("Strau\u00df", "email=strau\u00df"),
        (42, "email=42"),
        ("", None),
        (" ", None),
        (None, None),
        (True, None),
        (["ann"], None),
        ("x" * 2000, None),
    ],
)
def test_names_are_compared_without_case_and_white_space(value: object, name: str | None) -> None:
    assert name_of("email", value) == name
