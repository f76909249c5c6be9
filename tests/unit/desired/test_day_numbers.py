"""The filters that read a day written as a number: filetime, epoch, excel_date."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from scimsync.desired import DesireError, compile_program
from scimsync.model.ids import Key
from scimsync.model.mappings import Constant, Expression
from scimsync.model.records import Record

TODAY = date(2026, 11, 24)
THING = "urn:example:people:User:thing"


def result(expression: str, **data: Any) -> Any:
    """What `expression` gives, as a JSON value; None where it is absent."""
    program = compile_program(
        "wiki", {THING: Expression(expression), "userName": Constant("a")}, None, {}, {}
    )
    return program.desire(Record("hr", Key("E17"), data), TODAY).document.get(THING)


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        ("x | filetime", "134399520000000000", "2026-11-24"),
        ("x | filetime", 134399520000000000, "2026-11-24"),
        ("x | filetime", " 134399519999999999 ", "2026-11-23"),
        ("x | filetime", "1", "1601-01-01"),
        ("x | filetime('Europe/Berlin')", "134399484000000000", "2026-11-24"),  # midnight there
        ("x | filetime", "134399484000000000", "2026-11-23"),
        ("x | filetime('America/New_York')", "134399520000000000", "2026-11-23"),
        ("x | filetime", "0", None),  # never
        ("x | filetime", "9223372036854775807", None),  # never
        ("x | filetime", "", None),
        ("x | filetime", None, None),
        ("x | epoch", "1795478400", "2026-11-24"),
        ("x | epoch", 1795478400, "2026-11-24"),
        ("x | epoch", 1795478400.5, "2026-11-24"),
        ("x | epoch", "1795478399.9", "2026-11-23"),
        ("x | epoch", "0", "1970-01-01"),
        ("x | epoch", "-1", "1969-12-31"),
        ("x | epoch('ms')", "1795478400000", "2026-11-24"),
        ("x | epoch('ms')", "/Date(1795478400000)/", "2026-11-24"),  # OData 2
        ("x | epoch('ms')", "/Date(1795478400000+0060)/", "2026-11-24"),
        ("x | epoch('ms', 'Asia/Tokyo')", "1795446000000", "2026-11-24"),
        ("x | epoch(tz='Asia/Tokyo')", "1795446000", "2026-11-24"),
        ("x | epoch", "", None),
        ("x | epoch", None, None),
        ("x | excel_date", "46350", "2026-11-24"),
        ("x | excel_date", "46350.75", "2026-11-24"),  # 18:00
        ("x | excel_date", 46350.0, "2026-11-24"),
        ("x | excel_date", "61", "1900-03-01"),
        ("x | excel_date", "2958465", "9999-12-31"),
        ("x | excel_date", "", None),
        ("x | excel_date", None, None),
    ],
)
def test_a_number_becomes_a_day(expression: str, value: object, expected: str | None) -> None:
    assert result(expression, x=value) == expected


@pytest.mark.parametrize(
    ("expression", "value", "detail"),
    [
        ("x | filetime", "24.11.2026", '"24.11.2026" is not a FILETIME'),
        ("x | filetime", "-5", '"-5" is not a FILETIME'),
        ("x | filetime", "9" * 19, "is not a FILETIME"),  # far after the year 9999
        ("x | filetime", "1" * 400, "is not a FILETIME"),
        ("x | filetime", True, "true is not a day as a number"),
        ("x | filetime", [1], "[1] is not a day as a number"),
        ("x | filetime([x])", "1", "is not a time zone"),
        ("x | epoch", "tomorrow", '"tomorrow" is not a number of seconds since 1970'),
        (
            "x | epoch",
            "1795478400000",
            "is too large for a number of seconds; epoch('ms') reads milliseconds",
        ),
        ("x | epoch", "/Date(1795478400000)/", "is not a number of seconds since 1970"),
        ("x | epoch('ms')", "9" * 20, "is not a number of milliseconds since 1970"),
        ("x | epoch('days')", "1", "epoch knows the units 's' and 'ms', not \"days\""),
        ("x | epoch([x])", "1", "epoch knows the units"),
        ("x | excel_date", "24.11.2026", "is not the number of a day in Excel"),
        ("x | excel_date", "60", "is not the number of a day in Excel"),
        ("x | excel_date", "2958466", "is not the number of a day in Excel"),
        ("x | excel_date", "-46350", "is not the number of a day in Excel"),
        ("x | excel_date", "\uff14\uff16\uff13\uff15\uff10", "is not the number of a day"),
    ],
)
def test_what_is_no_such_number_fails_the_user(expression: str, value: object, detail: str) -> None:
    with pytest.raises(DesireError) as caught:
        result(expression, x=value)

    assert detail in caught.value.detail
    assert caught.value.code == "SYNC-0322"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0", True),
        ("9223372036854775807", True),
        ("134399520000000000", False),  # today
        ("134400384000000000", True),  # tomorrow
    ],
)
def test_an_account_that_never_expires_has_not_expired(value: str, expected: bool) -> None:
    condition = "x | filetime is none or x | filetime > today"

    program = compile_program("wiki", {"userName": Constant("a")}, condition, {}, {})

    assert program.desire(Record("hr", Key("E17"), {"x": value}), TODAY).in_scope is expected
