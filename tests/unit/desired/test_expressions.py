"""The language of expressions: filters, emptiness, dates, tables."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scimsync.desired import DesireError, compile_program
from scimsync.model.ids import Key
from scimsync.model.mappings import Constant, Expression
from scimsync.model.records import Record
from tests.error_text import text_of

TODAY = date(2026, 11, 24)
THING = "urn:example:people:User:thing"
TABLES = {"sites": {"B": "Berlin", "7": "Seven", "X": {"city": "Xi'an"}}}


def result(expression: str, **data: Any) -> Any:
    """What `expression` gives, as a JSON value; None where it is absent."""
    program = compile_program(
        "wiki", {THING: Expression(expression), "userName": Constant("a")}, None, {}, TABLES
    )
    return program.desire(Record("hr", Key("E17"), data), TODAY).document.get(THING)


def failure(expression: str, **data: Any) -> str:
    with pytest.raises(DesireError) as caught:
        result(expression, **data)
    return caught.value.detail


@pytest.mark.parametrize(
    "expression",
    [
        "x",
        "x | lower",
        "x | upper",
        "x | title",
        "x | capitalize",
        "x | trim",
        "x | replace('a', 'b')",
        "x | string",
        "x | truncate(3)",
        "x | center(10)",
        "x | indent",
        "x | wordwrap(5)",
        "x | striptags",
        "x | urlencode",
        "x | format(1)",
        "x | join(',')",
        "x | first",
        "x | last",
        "x | min",
        "x | max",
        "x | reverse",
        "x | list | first",
        "x | map('lower')",
        "x | select",
        "x | unique",
        "x | sort",
        "x | ascii",
        "x | ascii('de')",
        "x | slug",
        "x | date",
        "x | lookup('sites')",
        "x[:1]",
        "x[1:] | lower",
        "ref(x)",
        "x ~ x",
        "'%s' | format(x)",
        "'%s' % x",
        "[x, x] | join",
        "'text' if x",
    ],
)
def test_nothing_comes_of_none_and_nobody_is_called_none(expression: str) -> None:
    assert result(expression, x=None) is None


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("given ~ ' ' ~ family", "Ann "),
        ("given[:1] ~ family[:1] ~ '@example.com'", "A@example.com"),
        ("family | default('Unknown')", "Unknown"),
        ("empty | default('Unknown')", "Unknown"),
        ("empty | d('Unknown')", "Unknown"),
        ("0 * number | default(5)", 0),
        ("0 * number | default(5, true)", 0),
        ("(0 * number) | default(5, true)", 5),
        ("nested.city | default('nowhere')", "nowhere"),
        ("nested.street", "Main Street"),
        ("nested['street']", "Main Street"),
        ("groups | length", 2),
        ("family | length", 0),
        ("groups | first", "b"),
        ("groups | sort | join('+')", "a+b"),
        ("groups | map('upper')", ["B", "A"]),
        ("groups | select('equalto', 'a')", ["a"]),
        ("'yes' if groups | select('equalto', 'z') else 'no'", "no"),  # an iterator would be true
        ("groups | reverse", ["a", "b"]),
        ("given | reverse", "nnA"),
        ("given | replace('n', 'm', 1)", "Amn"),
        ("number | string", "12"),
        ("'%05d' | format(number)", "00012"),
        ("'%s-%s' % (given, family)", "Ann-"),
        ("given.lower()", "ann"),
        ("'ann@example.com'.split('@')[0] ~ number", "ann12"),
        ("id.zfill(6)", "000007"),
        ("today", "2026-11-24"),
        ("today.year", 2026),
        ("today.strftime('%d.%m.')", "24.11."),
        ("((start | date) - today).days", 7),
        ("start | date > today", True),
        ("groups | tojson", '["b", "a"]'),
        ("given | slug", "ann"),
        ("'Łukasz Ø. Müßig' ~ family", "Łukasz Ø. Müßig"),
        ("7 % number", 7),
        ("number ** 2", 144),
        ("given * 2", "AnnAnn"),
        ("number in [1, 12]", True),
        ("('x' if family) is none", True),
        ("given is string and number is number", True),
    ],
)
def test_what_expressions_give(expression: str, expected: Any) -> None:
    data = {
        "given": "Ann",
        "family": None,
        "empty": "",
        "number": 12,
        "id": "7",
        "groups": ["b", "a"],
        "nested": {"street": "Main Street"},
        "start": "2026-12-01",
    }
    assert result(expression, **data) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-24", date(2026, 11, 24)),
        (" 2026-11-24 ", date(2026, 11, 24)),
        ("2026-11-24T10:00:00Z", date(2026, 11, 24)),
        ("2026-11-24T23:59:59.123-05:00", date(2026, 11, 24)),  # the day that is written
        ("2026-11-24 10:00", date(2026, 11, 24)),
        ("2026-11-24-08:00", date(2026, 11, 24)),  # a date of XML Schema, as in Workday
        ("2026-11-24Z", date(2026, 11, 24)),
        ("2026/11/24", date(2026, 11, 24)),
        ("20261124", date(2026, 11, 24)),
        (20261124, date(2026, 11, 24)),
        ("20261124T100000Z", date(2026, 11, 24)),
        ("24.11.2026", date(2026, 11, 24)),
        ("3.4.2026", date(2026, 4, 3)),
        ("24.11.2026 10:00", date(2026, 11, 24)),
        ("", None),
        ("  ", None),
        (None, None),
    ],
)
def test_dates_in_common_formats(written: Any, expected: date | None) -> None:
    assert result("x | date", x=written) == (expected.isoformat() if expected else None)


@pytest.mark.parametrize("written", ["24/11/2026", "03/04/2026", "3-4-26", "11/24/26 10:00"])
def test_a_date_that_can_be_read_in_two_ways_asks_for_its_format(written: str) -> None:
    assert failure("x | date", x=written).endswith(
        "can be read in two ways: write date('%d/%m/%Y') or date('%m/%d/%Y')"
    )


@pytest.mark.parametrize(
    ("written", "detail"),
    [
        ("tomorrow", "is not a date such as 2026-11-24, 24.11.2026 or 20261124"),
        ("2026-02-30", "there is no such day"),
        ("0000-01-01", "there is no such day"),
        ("46350", "is not a date"),
        ("\uff12\uff10\uff12\uff16-11-24", "is not a date"),
        (True, "true is not a date"),
        ([1], "[1] is not a date"),
    ],
)
def test_what_is_no_date_fails(written: Any, detail: str) -> None:
    assert detail in failure("x | date", x=written)


def test_a_date_in_a_format_of_its_own() -> None:
    assert result("x | date('%d/%m/%Y')", x="24/11/2026") == "2026-11-24"
    assert result("x | date('%d %b %Y')", x="24 Nov 2026") == "2026-11-24"
    assert "is not a date of the format" in failure("x | date('%d/%m/%Y')", x="2026-11-24")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'Łukasz Müller-Ødegård' | ascii", "Lukasz Muller-Odegard"),
        ("'Jürgen Weiß, Österreich' | ascii('de')", "Juergen Weiss, Oesterreich"),
        ("'Иван' | ascii", "Ivan"),
        ("'R & D, Köln' | slug", "r-d-koln"),
        ("\"Sinéad O'Connor\" | slug('.')", "sinead.oconnor"),
        ("'---' | slug", None),
    ],
)
def test_transliteration(expression: str, expected: str | None) -> None:
    assert result(f"{expression} if x else ''", x=1) == expected


@pytest.mark.parametrize(
    ("expression", "code", "expected"),
    [
        ("code | lookup('sites')", "B", "Berlin"),
        ("code | lookup('sites')", 7, "Seven"),
        ("code | lookup('sites', 'elsewhere')", "?", "elsewhere"),
        ("code | lookup('sites', none)", "?", None),
        ("code | lookup('sites', default='elsewhere')", "", "elsewhere"),
        ("code | lookup(table='sites')", "B", "Berlin"),
        ("(code | lookup('sites')).city", "X", "Xi'an"),
        ("code | map('lookup', 'sites')", ["B", "7"], ["Berlin", "Seven"]),
    ],
)
def test_tables(expression: str, code: Any, expected: Any) -> None:
    assert result(expression, code=code) == expected


def test_a_key_that_the_table_lacks_fails_that_record() -> None:
    assert failure("code | lookup('sites')", code="?") == 'tables.sites has no "?"'
    assert failure("code | lookup(other)", code="?", other="nope") == 'there is no table "nope"'


@pytest.mark.parametrize(
    ("expression", "data", "detail"),
    [
        ("x > 5", {"x": "7"}, "text > a number cannot be compared; | int makes text a number"),
        (
            "x <= today",
            {"x": "2026-01-01"},
            "text <= a date cannot be compared; | date makes text a date",
        ),
        ("x | date <= today", {"x": ""}, "an empty value <= a date cannot be compared"),
        ("x + 'a'", {"x": None}, "an empty value + text cannot be evaluated"),
        (
            "'a' + x",
            {"x": None},
            "text + an empty value cannot be joined; ~ joins anything, and takes empty as nothing",
        ),
        ("x.split('@')[0]", {"x": None}, 'an empty value has no "split"'),
        ("x.split('@')[1]", {"x": "ann"}, "a list has no element 1: it has 1"),
        ("x.city", {"x": {"town": "Bonn"}}, 'a table has no "city"'),
        ("x | batch(2)", {"x": 5}, "a number is not iterable"),
        ("1 / x", {"x": 0}, "division by zero"),
        (
            "'a' ~ x",
            {"x": ["b"]},
            "a list cannot be a part of a text; | join(', ') makes text of a list",
        ),
        ("x | lower", {"x": {"a": 1}}, "a table cannot be a part of a text"),
        ("x | sort", {"x": [1, "a"]}, "text < a number cannot be compared"),
    ],
)
def test_failures_are_told_in_plain_words(
    expression: str, data: dict[str, Any], detail: str
) -> None:
    assert detail in failure(expression, **data)


def test_a_failure_names_the_expression_that_failed_among_many() -> None:
    program = compile_program(
        "wiki",
        {
            "userName": Expression("email"),
            "title": Expression("level | int / bonus"),
            "displayName": Expression("name\n  | lower"),
        },
        "'Staff' in access",
        {"Other": "1 / nothing", "Staff": "grade > 3"},
        {},
    )

    def message(**data: Any) -> str:
        with pytest.raises(DesireError) as caught:
            program.desire(
                Record(
                    "hr", Key("E17"), {"email": "a", "grade": 4, "level": "1", "bonus": 1, **data}
                ),
                TODAY,
            )
        return text_of(caught.value)

    assert program.rules == ("Staff",)  # Other is not asked for, so it is not worked out
    assert (
        message(level="1", bonus=0)
        == 'E17: targets.wiki.user.title: level | int / bonus: division by zero (level = "1", bonus'
        " = 0)"
    )
    assert message(grade="x").startswith(
        "E17: access.Staff: grade > 3: text > a number cannot be compared"
    )
    assert message(name=["a\nb"]).startswith(
        "E17: targets.wiki.user.displayName: name | lower: a list cannot be"
    )


def test_a_message_is_one_printable_line_whatever_the_record_holds() -> None:
    with pytest.raises(DesireError) as caught:
        result("x | date", x="\x1b[31m\n\u202e\ud800" + "long " * 100)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 400
    message.encode()
