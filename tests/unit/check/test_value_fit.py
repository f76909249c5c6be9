"""Whether the values of a mapping fit the schemas of a target."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.cli.commands.check.mapped_values import SAMPLE, MappedValues
from scimsync.cli.commands.check.value_fit import pin_misfits, value_misfits
from scimsync.desired.program import Desired
from scimsync.model.ids import Key
from scimsync.model.placeholders import IdOf
from scimsync.model.service_provider import Attribute, Schema

CUSTOM = "urn:example:2.0:User"
SCHEMAS = (
    Schema(
        "urn:ietf:params:scim:schemas:core:2.0:User",
        (
            Attribute("active", type="boolean", multi_valued=False),
            Attribute("title", type="string", canonical_values=("Dr.", "Prof.")),
            Attribute(
                "emails",
                type="complex",
                multi_valued=True,
                sub_attributes=(
                    Attribute("value", type="string"),
                    Attribute("primary", type="boolean"),
                    Attribute("type", type="string", canonical_values=("work", "home")),
                ),
            ),
        ),
    ),
    Schema(
        CUSTOM,
        (
            Attribute("badge", type="integer"),
            Attribute("height", type="decimal"),
            Attribute("hired", type="datetime"),
            Attribute("sites", type="string", multi_valued=True),
            Attribute("code", type="string", case_exact=True, canonical_values=("A",)),
            Attribute("anything"),
            Attribute("boss", type="complex", sub_attributes=(Attribute("value", type="string"),)),
        ),
    ),
)


def values_of(path: str, *values: Any) -> MappedValues:
    """Return values at `path` for the keys 1, 2, …"""
    given = MappedValues()
    for number, value in enumerate(values, start=1):
        given.add(Desired(Key(str(number)), in_scope=True, document={path: value}))
    return given


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("active", True, None),
        ("active", "yes", '"yes" is not true or false'),
        ("title", "dr.", None),
        ("title", "Sir", '"Sir" is not one of Dr., Prof.'),
        ("title", ["Dr."], None),  # whether it has several values is unknown
        ('emails[type eq "work"].value', "a@example.com", None),
        ('emails[type eq "work"].value', 7, "7 is not a text"),
        ("emails", [{"value": "a", "primary": True, "type": "work"}], None),
        ("emails", [{"value": "a", "primary": "yes"}], 'primary "yes" is not true or false'),
        ("emails", [{"type": "fax"}], 'type "fax" is not one of work, home'),
        ("emails", ["a"], '"a" is not an object'),
        (f"{CUSTOM}:badge", 7, None),
        (f"{CUSTOM}:badge", "7", '"7" is not a whole number'),
        (f"{CUSTOM}:badge", True, "true is not a whole number"),
        (f"{CUSTOM}:badge", 7.5, "7.5 is not a whole number"),
        (f"{CUSTOM}:height", 7, None),
        (f"{CUSTOM}:height", "1.8", '"1.8" is not a number'),
        (f"{CUSTOM}:hired", "2026-03-02T08:00:00Z", None),
        (f"{CUSTOM}:hired", "2026-03-02", '"2026-03-02" is not a time such as'),
        (f"{CUSTOM}:hired", "Thursday", '"Thursday" is not a time such as'),
        (f"{CUSTOM}:sites", ["Rome"], None),
        (f"{CUSTOM}:sites", "Rome", '"Rome" is one value, and the target takes a list'),
        (f"{CUSTOM}:code", "a", '"a" is not one of A'),
        (f"{CUSTOM}:anything", {"a": [7]}, None),
        (f"{CUSTOM}:boss", "7", '"7" is not an object'),
        (f"{CUSTOM}:boss.value", IdOf(Key("7")), None),
        (f"{CUSTOM}:nothing", 7, None),
        ("active", [True], "[true] is a list, and the target takes one value"),
    ],
)
def test_a_value_fits_the_declared_attribute(path: str, value: Any, said: str | None) -> None:
    found = value_misfits(SCHEMAS, values_of(path, value), "user")
    assert [one.said.startswith(said or "?") for one in found] == ([] if said is None else [True])


def test_the_first_value_is_shown_with_the_number_of_others() -> None:
    given = values_of(f"{CUSTOM}:badge", 1, "x" * 100, "7", "7")
    (found,) = value_misfits(SCHEMAS, given, "user")
    assert found.said == f'"{"x" * 38}… is not a whole number (2 and 2 others)'
    assert (found.path, found.problem) == (f"{CUSTOM}:badge", "type")


def test_values_beyond_the_sample_are_not_looked_at() -> None:
    given = values_of("active", *[True] * SAMPLE, "yes")
    assert value_misfits(SCHEMAS, given, "user") == []


def test_the_values_of_passwords_are_not_kept() -> None:
    assert values_of("password", "secret").by_path == {}


def test_users_out_of_scope_have_no_values() -> None:
    given = MappedValues()
    given.add(Desired(Key("1"), in_scope=False, document={"active": "yes"}))
    assert value_misfits(SCHEMAS, given, "user") == []


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ('emails[type eq "work"].value', []),
        ("emails[primary eq true].value", []),
        ('emails[type eq "fax"].value', ['type "fax" is not one of work, home']),
        ('emails[primary eq "true"].value', ['primary "true" is not true or false']),
        ('phones[type eq "fax"].value', []),
    ],
)
def test_the_filter_of_a_path_asks_for_canonical_values(path: str, said: list[str]) -> None:
    assert [one.said for one in pin_misfits(SCHEMAS, [path], "user")] == said
