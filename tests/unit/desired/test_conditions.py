"""What counts as true in conditions and values, and which comparisons fail."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scimsync.desired import DesireError, compile_program
from scimsync.desired.booleans import read_boolean
from scimsync.errors import ConfigError
from scimsync.model.ids import Key
from scimsync.model.mappings import Constant, Expression
from scimsync.model.records import Record
from tests.error_text import text_of

TODAY = date(2026, 11, 24)
THING = "urn:example:people:User:thing"
FAILS = "fails"


def holds(scope: str, **data: Any) -> bool | str:
    """Whether a record is in scope, or `FAILS`."""
    program = compile_program("wiki", {"userName": Constant("a")}, scope, {}, {})
    try:
        return program.desire(Record("hr", Key("E17"), data), TODAY).in_scope
    except DesireError:
        return FAILS


def failure(scope: str, **data: Any) -> str:
    program = compile_program("wiki", {"userName": Constant("a")}, scope, {}, {})
    with pytest.raises(DesireError) as caught:
        program.desire(Record("hr", Key("E17"), data), TODAY)
    return text_of(caught.value)


def value(path: str, expression: str, **data: Any) -> Any:
    """What an attribute gets, or `FAILS`."""
    program = compile_program(
        "wiki", {path: Expression(expression), "userName": Constant("a")}, None, {}, {}
    )
    try:
        document = program.desire(Record("hr", Key("E17"), data), TODAY).document
    except DesireError:
        return FAILS
    return document.get(path)


YES = [True, "true", "True", "TRUE", "yes", " Yes ", "Y", "on", "1", 1, 1.0]
NO = [False, "false", "False", "no", "NO\u00a0", "n", "off", "0", 0, 0.0]
EMPTY: list[Any] = [None, "", " ", []]
ODD = ["perhaps", "Inactive", "ja", "0.0", "1.0", "2", 2, -1, ["yes"], {"a": 1}]


@pytest.mark.parametrize(
    ("given", "read"),
    [*((one, True) for one in YES), *((one, False) for one in NO), *((one, None) for one in ODD)],
)
def test_booleans_are_read_in_one_way(given: Any, read: bool | None) -> None:
    assert read_boolean(given) is read
    for scope in ("x", "x and true", "x or false", "true if x else false"):
        assert holds(scope, x=given) is (FAILS if read is None else read)
    assert holds("not x", x=given) is (FAILS if read is None else not read)
    assert value("active", "x", x=given) is (FAILS if read is None else read)


@pytest.mark.parametrize("given", EMPTY)
def test_nothing_is_false_in_a_condition(given: Any) -> None:
    assert holds("x", x=given) is False
    assert holds("not x", x=given) is True
    assert holds("x or 'yes'", x=given) is True


def test_what_decides_already_keeps_the_rest_from_being_read() -> None:
    assert holds("status == 'left' and flag", status="active", flag="?") is False
    assert holds("status == 'active' or flag", status="active", flag="?") is True


def test_a_text_in_a_condition_is_told_with_its_column_and_its_expression() -> None:
    assert failure("dept == 'IT' and is_admin", dept="IT", is_admin="perhaps") == (
        "E17: targets.wiki.scope: dept == 'IT' and is_admin: is_admin is \"perhaps\", which is"
        " neither true nor false; compare it, as in status == 'active', or test with x != ''"
        ' whether it is filled (dept = "IT", is_admin = "perhaps")'
    )
    assert '"Perhaps" is neither true nor false' in failure("x | title", x="perhaps")


@pytest.mark.parametrize(
    ("path", "expression", "data", "expected"),
    [
        # values keep Jinja2's `or`, also where they are words of conditions
        ("displayName", "nick or given", {"nick": "No", "given": "Ann"}, "No"),
        ("displayName", "nick or given", {"nick": "", "given": "Ann"}, "Ann"),
        # `if` asks whether a cell is filled, unless it says no
        ("displayName", "family if family else given", {"family": "No", "given": "x"}, "No"),
        ("title", "'Contractor' if agency else 'Employee'", {"agency": "Adecco"}, "Contractor"),
        ("title", "'Contractor' if agency else 'Employee'", {"agency": "no"}, "Employee"),
        ("title", "'Employee' if not agency", {"agency": "no"}, "Employee"),
        ("title", "flag and 'Lead'", {"flag": "no"}, None),
        ("title", "flag and 'Lead'", {"flag": "yes"}, "Lead"),
        (THING, "flag and 2 > 1", {"flag": "no"}, False),
        (THING, "2 > 1 and 3 > 2", {}, True),
        # a role is access, so that a text that is no boolean fails
        ("roles", "'admin' if is_admin", {"is_admin": "no"}, None),
        ("roles", "'admin' if is_admin", {"is_admin": "yes"}, [{"value": "admin"}]),
        ("roles", "'admin' if is_admin", {"is_admin": "nein"}, FAILS),
        ("roles", "is_admin and 'admin'", {"is_admin": "nein"}, FAILS),
        ("roles", "role if role else 'user'", {"role": "no"}, [{"value": "no"}]),
        # a boolean attribute is a condition, and a default is a default
        ("active", "not suspended", {"suspended": "no"}, True),
        ("active", "enabled and not suspended", {"enabled": "yes", "suspended": "no"}, True),
        ("active", "enabled and approved", {"enabled": "no", "approved": "yes"}, False),
        ("active", "enabled or approved", {"enabled": "no", "approved": "yes"}, True),
        ("active", "enabled or 'yes'", {"enabled": "no"}, False),
        ("active", "enabled or 'yes'", {"enabled": ""}, True),
        ("active", "enabled", {"enabled": " "}, None),
        ("active", "enabled and true", {"enabled": "Inactive"}, FAILS),
        ("active", "a and b if c else d", {"a": "1", "b": "no", "c": "on", "d": ""}, False),
    ],
)
def test_conditions_within_values(
    path: str, expression: str, data: dict[str, Any], expected: Any
) -> None:
    assert value(path, expression, **data) == expected


@pytest.mark.parametrize(
    ("scope", "data", "expected"),
    [
        # a boolean
        ("x == true", {"x": "Yes"}, True),
        ("x != true", {"x": "yes"}, False),
        ("x == false", {"x": "no"}, True),
        ("x == true", {"x": "Inactive"}, FAILS),
        ("x is true", {"x": "yes"}, True),
        ("x is not true", {"x": "Yes"}, False),
        ("x is false", {"x": False}, True),
        ("x in [true, 'y']", {"x": "yes"}, True),
        ("(x and y) == true", {"x": "no", "y": "yes"}, False),
        # a number
        ("x == 5", {"x": "5"}, FAILS),
        ("x != 5", {"x": "6"}, FAILS),
        ("x in [5, 6]", {"x": "5"}, FAILS),
        ("x not in ['5', '6']", {"x": 5}, FAILS),
        ("x == '5'", {"x": 5}, FAILS),
        ("x >= 5", {"x": "5"}, FAILS),
        ("x == 5", {"x": 5.0}, True),
        # a list
        ("x == 'a'", {"x": ["a"]}, FAILS),
        ("x != 'a'", {"x": ["b", "c"]}, FAILS),
        ("x in ['a', 'b']", {"x": ["a"]}, FAILS),
        ("x == ''", {"x": ["a"]}, False),
        ("x == ['a']", {"x": ["a"]}, True),
        ("x == ('a',)", {"x": ["a"]}, True),
        ("'a' in x", {"x": ["a"]}, True),
        ("x", {"x": ["a"]}, FAILS),
        # a date
        ("x | date == '2026-11-24'", {"x": "2026-11-24"}, FAILS),
        ("x | date == today", {"x": "2026-11-24"}, True),
        # nothing equals nothing, and is equal to, greater and less than no number
        ("x == ''", {"x": None}, True),
        ("x != ''", {"x": None}, False),
        ("x == none", {"x": ""}, True),
        ("x is none", {"x": ""}, True),
        ("x is not none", {"x": "2026-11-24"}, True),
        ("x == ''", {"x": []}, True),
        ("x == false", {"x": ""}, False),
        ("x in ['', none]", {"x": 5}, False),
        ("x in ['', none]", {"x": None}, True),
        ("x in 'A,B'", {"x": ""}, False),
        ("x in 'A,B'", {"x": "B"}, True),
        ("'a' in x", {"x": None}, False),
        ("x >= 5", {"x": None}, False),
        ("x < 5", {"x": None}, False),
        ("not (x >= 5)", {"x": None}, True),
        ("1 < x <= 5", {"x": None}, False),
        ("1 < x <= 5", {"x": 5}, True),
        ("x | date <= today", {"x": ""}, FAILS),  # nobody leaves because a date is missing
        ("x is none or x | date >= today", {"x": ""}, True),
    ],
)
def test_comparisons_that_python_would_answer_by_the_type(
    scope: str, data: dict[str, Any], expected: bool | str
) -> None:
    assert holds(scope, **data) == expected


@pytest.mark.parametrize(
    ("scope", "detail"),
    [
        ("x == 5", "text == a number cannot be compared; | int makes text a number"),
        ("x in [5, 6]", "text cannot be in a list that holds a number only; | int makes"),
        ("l != 'a'", 'a list == text cannot be compared; write "a" in …, or … | length'),
        ("l in ['a']", "a list cannot be in a list of text; write 'x' in …"),
        ("x | date == '1'", "a date == text cannot be compared; | date makes text a date"),
    ],
)
def test_failed_comparisons_say_what_to_write(scope: str, detail: str) -> None:
    assert detail in failure(scope, x="2026-11-24", l=["a"])


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("groups == 'x'", "'x' in groups"),
        ("'x' == groups", "'x' in groups"),
        ("groups != 'x'", "'x' not in groups"),
        ("groups in ['x', 'y']", "'x' in groups or 'y' in groups"),
        ("dept == 'IT' and groups not in ['x']", "'x' not in groups"),
    ],
)
def test_a_list_compared_with_a_text_is_found_before_anything_is_read(
    expression: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_program("wiki", {"userName": Constant("a")}, expression, {}, {}, lists={"groups"})
    assert text_of(caught.value) == (
        "sync.toml: targets.wiki.scope: groups holds lists (lists in the source), which never equal"
        f" a single value; write {hint}\n  {expression}"
    )


@pytest.mark.parametrize(
    "expression", ["groups == ''", "groups == other", "'x' in groups", "groups"]
)
def test_other_uses_of_a_list_are_no_error(expression: str) -> None:
    compile_program("wiki", {"userName": Constant("a")}, expression, {}, {}, lists={"groups"})


@pytest.mark.parametrize(
    ("expression", "given", "expected"),
    [
        ("x | int", "5", 5),
        ("x | int", " -5 ", -5),
        ("x | int", "5.7", 5),
        ("x | int", 5.0, 5),
        ("x | int", True, 1),
        ("x | int", "5,0", FAILS),
        ("x | int", "n/a", FAILS),
        ("x | int", "five", FAILS),
        ("x | int", "1_000", FAILS),
        ("x | int", ["5"], FAILS),
        ("x | int", "9" * 5000, FAILS),
        ("x | int", "", None),
        ("x | int", " ", None),
        ("x | int", None, None),
        ("x | int(0)", "five", 0),
        ("x | int(-1)", "", -1),
        ("x | int(base=16)", "ff", 255),
        ("x | float", "5.5", 5.5),
        ("x | float", "1e3", 1000.0),
        ("x | float", "nan", FAILS),
        ("x | float", "inf", FAILS),
        ("x | float", "1e999", FAILS),
        ("x | float", "", None),
        ("x | float(0)", "?", 0),
        ("x | round", "5.5", FAILS),
        ("x | round", None, None),
        ("x | float | round(1)", "5.55", 5.5),
        ("x | round(1, 'ceil')", 5.51, 5.6),
        ("x | abs", "-5", FAILS),
        ("x | abs", -5, 5),
        ("x | sum", ["1", "2"], FAILS),
        ("x | sum", [1, None, 2], 3),
        ("x + 1", "5", FAILS),
        ("-x", "5", FAILS),
        ("x * 2", "5", FAILS),
        ("x * 2", "ab", "abab"),
        ("'0' * x", 3, "000"),
        ("x % 2", "5", FAILS),
        ("x / 2", "5", FAILS),
        ("x | int + 1", "", FAILS),
    ],
)
def test_numbers_are_never_guessed(expression: str, given: Any, expected: Any) -> None:
    assert value(THING, expression, x=given) == expected


@pytest.mark.parametrize(
    ("scope", "data", "detail"),
    [
        (
            "level | int >= 5",
            {"level": "5,0"},
            'E17: targets.wiki.scope: level | int >= 5: "5,0" is not a number; | int(0) uses 0'
            ' for anything else (level = "5,0")',
        ),
        ("level | float >= 5", {"level": "n/a"}, '"n/a" is not a number; | float(0) uses 0'),
        ("level | abs >= 5", {"level": "5"}, 'abs takes numbers, not "5"; | int makes text'),
        ("-level >= 5", {"level": "5"}, "- text cannot be evaluated; | int makes text a number"),
        ("level % 2 == 0", {"level": "5"}, "text % a number cannot be evaluated; | int makes"),
        ("level * 2 >= 5", {"level": "5"}, '"5" * a number would repeat the text; | int makes'),
    ],
)
def test_what_is_no_number_is_told(scope: str, data: dict[str, Any], detail: str) -> None:
    assert detail in failure(scope, **data)
