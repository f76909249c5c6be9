"""The sync.toml that `scimsync init` writes: what is recognised, and that it always loads."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scimsync.builtin import parse
from scimsync.config import Config
from scimsync.config.secrets import secret_references
from scimsync.desired.syntax import column_expression
from scimsync.init import Draft, draft_sync_toml
from scimsync.init.draft import ENTERPRISE, NO_LEAVERS
from scimsync.model.mappings import Expression, Generate
from scimsync.sources.file import FileSettings

WORK_MAIL = 'emails[type eq "work"].value'


def file_source(config: Config) -> FileSettings:
    (source,) = config.sources.values()
    assert isinstance(source, FileSettings)
    return source


def drafted(columns: Sequence[str], *rows: Sequence[object]) -> Draft:
    samples = [dict(zip(columns, row, strict=True)) for row in rows]
    return draft_sync_toml(columns, samples, "hr.csv", "hr")


def guessed(columns: Sequence[str], *rows: Sequence[object]) -> Config:
    return loaded(drafted(columns, *rows).text)


def loaded(text: str) -> Config:
    return parse(text, Path("sync.toml"))


def key(columns: Sequence[str], *rows: Sequence[object]) -> str:
    return guessed(columns, *rows).sources["hr"].key


def scope(columns: Sequence[str], *rows: Sequence[object]) -> str | None:
    return guessed(columns, *rows).targets["app"].scope


def mapping(columns: Sequence[str], *rows: Sequence[object]) -> dict[str, object]:
    """What the guessed file maps: path -> expression or constant."""
    user = guessed(columns, *rows).targets["app"].user
    return {
        path: entry.text if isinstance(entry, Expression) else entry.value
        for path, entry in user.items()
        if not isinstance(entry, Generate)
    }


def test_a_usual_file_becomes_a_whole_configuration() -> None:
    columns = [
        "employee_id",
        "email",
        "first_name",
        "last_name",
        "department",
        "job_title",
        "manager_id",
        "status",
        "groups",
    ]
    rows = [
        ["E1", "ann@example.com", "Ann", "Lee", "IT", "Lead", "", "active", "wiki;mail"],
        ["E2", "bo@example.com", "Bo", "Kim", "IT", "Engineer", "E1", "active", "mail"],
        ["E3", "cy@example.com", "Cy", "Roe", "HR", "Clerk", "E1", "terminated", ""],
    ]
    config = guessed(columns, *rows)
    source, target = file_source(config), config.targets["app"]

    assert (source.path, source.key, source.lists) == ("hr.csv", "employee_id", {"groups": ";"})
    assert (target.url, target.source, target.scope) == (
        "https://app.example.com/scim/v2",
        ("hr",),
        "status == 'active'",
    )
    assert secret_references(target.auth) == {"token": "env:SCIM_TOKEN"}
    assert mapping(columns, *rows) == {
        "externalId": "employee_id",
        "userName": "email | lower",
        "displayName": "(first_name ~ ' ' ~ last_name) | trim",
        "name.givenName": "first_name",
        "name.familyName": "last_name",
        "title": "job_title",
        WORK_MAIL: "email | lower",
        'emails[type eq "work"].primary': True,
        f"{ENTERPRISE}:department": "department",
        f"{ENTERPRISE}:manager.value": "ref(manager_id)",
        "active": True,
    }


def test_a_german_file_with_odd_column_names() -> None:
    columns = [
        "Personalnummer",
        "E-Mail",
        "Vorname",
        "Nachname",
        "Abteilung",
        "Vorgesetzter",
        "Status",
        "Eintritt",
    ]
    rows = [
        ["0017", "ann@example.com", "Ann", "Lee", "IT", "", "aktiv", "2020-01-01"],
        ["0018", "bo@example.com", "Bo", "Kim", "IT", "0017", "ausgeschieden", "2021-01-01"],
    ]
    mapped = mapping(columns, *rows)
    assert key(columns, *rows) == "Personalnummer"
    assert scope(columns, *rows) == "Status == 'aktiv' and Eintritt | date <= today"
    assert mapped["userName"] == "col['E-Mail'] | lower"
    assert mapped[f"{ENTERPRISE}:manager.value"] == "ref(Vorgesetzter)"


# The key


@pytest.mark.parametrize(
    ("columns", "rows", "expected"),
    [
        (["email", "employee_id"], [["a@example.com", "1"], ["b@example.com", "2"]], "employee_id"),
        (["name", "Matricule"], [["Ann", "1"], ["Ann", "2"]], "Matricule"),
        (["id", "staff_no"], [["1", "7"], ["2", "8"]], "staff_no"),  # more telling than id
        (["employee_id", "uid"], [["1", "7"], ["1", "8"]], "uid"),  # the first is repeated
        (["employee_id", "uid"], [["", "7"], ["2", "8"]], "uid"),  # the first is empty somewhere
        # a manager does not identify a row
        (["manager_id", "badge_code"], [["1", "7"], ["2", "8"]], "badge_code"),
        (["first_name", "email"], [["Ann", "a@example.com"], ["Bo", "b@example.com"]], "email"),
        (["x", "y"], [["1", "7"], ["1", "8"]], "y"),
        (["email", "Personnel Number"], [], "Personnel Number"),  # names alone
    ],
)
def test_the_key_is_a_column_that_names_each_record(
    columns: list[str], rows: list[list[object]], expected: str
) -> None:
    assert key(columns, *rows) == expected


@pytest.mark.parametrize(
    ("columns", "rows", "note"),
    [
        (["employee_id"], [["1"], ["2"]], None),
        (
            ["employee_id"],
            [["1"], ["1"]],
            "The key employee_id repeats an earlier value in 1 row. A key must identify one user"
            " and never change. If users have several rows, such as one for each job, choose the"
            " row that counts with the setting pick.",
        ),
        (
            ["employee_id", "mail"],
            [
                ["", "a@example.com"],
                *([str(number), f"{number}@example.com"] for number in range(20)),
                ["8", "z@example.com"],
            ],
            "The key employee_id is empty in 1 row and repeats an earlier value in 1 row.",
        ),
        (["name", "mail"], [["Ann", "a@example.com"]], "The key is mail, because no number"),
        (["x", "y"], [["1", "2"]], "The key is x only because each sampled row has a different"),
        (["hired", "y"], [["2020-01-02", "2"]], "The key is y only because"),  # no dates
    ],
)
def test_a_doubtful_key_is_said_to_be_doubtful(
    columns: list[str], rows: list[list[object]], note: str | None
) -> None:
    draft = drafted(columns, *rows)
    if note is None:
        assert draft.findings.key_notes == ()
    else:
        assert draft.findings.key_notes[0].startswith(note)
        assert f"# {note[:40]}" in draft.text


def test_the_key_is_the_number_that_managers_are_named_by() -> None:
    columns = ["employee_id", "id", "email", "manager"]
    rows = [
        ["E1", "77", "ann@example.com", ""],
        ["E2", "78", "bo@example.com", "77"],
        ["E3", "79", "cy@example.com", "77"],
    ]

    assert key(columns, *rows) == "id"
    assert mapping(columns, *rows)[f"{ENTERPRISE}:manager.value"] == "ref(manager)"


@pytest.mark.parametrize(
    ("manager", "held"),
    [
        ("bo@example.com", "values of email"),
        ("BO@example.com", "values of email"),
        ("Bo Kim", "names of users"),
        ("Kim, Bo", "names of users"),
    ],
)
def test_a_manager_who_is_named_in_another_way_is_said_with_the_way_out(
    manager: str, held: str
) -> None:
    columns = ["id", "email", "first_name", "last_name", "manager"]
    rows = [
        ["1", "ann@example.com", "Ann", "Lee", manager],
        ["2", "bo@example.com", "Bo", "Kim", ""],
    ]

    assert drafted(columns, *rows).findings.manager_notes == (
        f"The manager is not mapped, because manager holds {held} and not keys. A query turns them"
        " into keys: see docs/how-to/query-recipes.md.",
    )


def test_a_file_without_columns() -> None:
    text = draft_sync_toml([], [], "hr.csv", "hr").text
    assert "# The file has no columns. Name the one that identifies a user for good.\n" in text
    assert loaded(text).sources["hr"].key == "id"


def test_a_column_that_only_a_few_rows_repeat_stays_the_key() -> None:
    rows = [[str(number), f"{number}@example.com"] for number in range(20)]
    assert key(["Employee ID", "mail"], *rows, ["3", "x@example.com"]) == "Employee ID"


def test_numbers_that_are_not_keys_are_never_the_key() -> None:
    columns = ["SSN", "Zip Code", "Manager ID", "User ID"]
    assert key(columns, ["1", "1", "1", "a"], ["2", "2", "2", "b"]) == "User ID"


# Names and addresses


def test_a_user_name_column_is_preferred_to_the_address() -> None:
    mapped = mapping(["id", "username", "email"], ["1", "ann", "ann@example.com"])
    assert (mapped["userName"], mapped[WORK_MAIL]) == ("username", "email | lower")


@pytest.mark.parametrize(
    ("columns", "rows", "expected", "note"),
    [
        # a login for each user, and an address that two share
        (
            ["id", "login_id", "email"],
            [["1", "ann", "f@example.com"], ["2", "bo", "F@example.com"]],
            "login_id",
            None,
        ),
        # a login that some lack
        (
            ["id", "login_id", "email"],
            [["1", "", "a@example.com"], ["2", "bo", "b@example.com"]],
            "email | lower",
            None,
        ),
        # of two addresses, the one that all have
        (
            ["id", "email", "upn"],
            [["1", "", "a@example.com"], ["2", "b@example.com", "b2@example.com"]],
            "upn | lower",
            None,
        ),
        # a private address does not count
        (
            ["id", "email", "Personal Email"],
            [["1", "", "a@example.org"], ["2", "b@example.com", "b@example.org"]],
            "id",
            "userName is the key, because email is empty or the same for several users.",
        ),
        (["id", "x"], [["1", "y"]], "id", "userName is the key, because no column with user names"),
        # those who left need no address
        (
            ["id", "status", "email"],
            [["1", "active", "a@example.com"], ["2", "left", ""]],
            "email | lower",
            None,
        ),
        # one in ten without an address fails until it is there
        (
            ["id", "email"],
            [["0", ""], *([str(number), f"{number}@example.com"] for number in range(1, 10))],
            "email | lower",
            "1 user in scope has no email and will fail, because userName is required.",
        ),
    ],
)
def test_the_user_name_is_filled_and_unique(
    columns: list[str], rows: list[list[object]], expected: str, note: str | None
) -> None:
    assert mapping(columns, *rows)["userName"] == expected
    notes = drafted(columns, *rows).findings.user_notes
    assert (note is None and notes == ()) or notes[0].startswith(str(note))


def test_an_address_is_recognised_by_its_looks() -> None:
    assert (
        mapping(["id", "kontakt"], ["1", "ann@example.com"], ["2", "bo@example.com"])[WORK_MAIL]
        == "kontakt | lower"
    )


def test_a_column_called_email_that_holds_none_is_not_used() -> None:
    assert WORK_MAIL not in mapping(["id", "email"], ["1", "yes"], ["2", "no"])


def test_a_preferred_name_that_few_users_have_is_not_the_given_name() -> None:
    columns = ["id", "Preferred First Name", "Legal Name First Name", "Legal Name Last Name"]
    mapped = mapping(columns, ["1", "Danny", "Dana", "Lee"], ["2", "", "Bo", "Kim"])

    assert mapped["name.givenName"] == "col['Legal Name First Name']"
    assert mapped["name.familyName"] == "col['Legal Name Last Name']"


def test_a_whole_name_is_the_display_name() -> None:
    assert mapping(["id", "Full Name"], ["1", "Ann Lee"])["displayName"] == "col['Full Name']"


@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        (["first", "last"], ["Ann", "Lee"], "(first ~ ' ' ~ last) | trim"),
        (["username", "given", "family"], ["a", "Ann", "Lee"], "(given ~ ' ' ~ family) | trim"),
        (["Display Name", "first", "last"], ["A. Lee", "Ann", "Lee"], "col['Display Name']"),
        (["Display Name", "first", "last"], ["", "Ann", "Lee"], "(first ~ ' ' ~ last) | trim"),
        (["Full Name", "first", "last"], ["Lee, Ann", "Ann", "Lee"], "(first ~ ' ' ~ last) | trim"),
        (["Worker", "first", "last"], ["A (Left)", "Ann", "Lee"], "(first ~ ' ' ~ last) | trim"),
        (["Worker"], ["Ann Lee"], "Worker"),
        (["Name", "Vorname"], ["Lee", "Ann"], "(Vorname ~ ' ' ~ Name) | trim"),
        (["Name", "Vorname"], ["Ann Lee", "Ann"], "Name"),
        (["Nombre"], ["Ann Lee"], "Nombre"),
        (["username"], ["ann"], None),
    ],
)  # fmt: skip
def test_the_display_name(columns: list[str], row: list[object], expected: str | None) -> None:
    assert mapping(["id", *columns], ["1", *row]).get("displayName") == expected


@pytest.mark.parametrize(("given", "family"), [("Ann", "Lee"), ("Plato", ""), ("", "Lee")])
def test_a_person_with_one_name_gets_no_stray_blank(given: str, family: str) -> None:
    rows = [["1", given, family], ["2", "Ann", "Lee"]]
    expression = mapping(["id", "first", "last"], *rows)["displayName"]
    program = jinja2.Environment(autoescape=False).compile_expression(str(expression))
    assert program(first=given, last=family) == " ".join(filter(None, (given, family)))


# Managers


@pytest.mark.parametrize(
    ("column", "rows", "is_reference"),
    [
        ("manager", [["E1", ""], ["E2", "E1"]], True),
        # not among these rows, but of the same looks
        ("manager", [["E1", "E9"], ["E2", "E8"]], True),
        ("manager", [["E1", "Ann Lee"], ["E2", "Bo Kim"]], False),
        ("manager", [["E1", "ann@example.com"], ["E2", ""]], False),
        ("manager_id", [["E1", ""]], True),  # nobody has one yet: the name decides
        ("manager", [["E1", ""]], False),
    ],
)
def test_a_manager_is_a_reference_only_if_the_values_are_keys(
    column: str, rows: list[list[object]], is_reference: bool
) -> None:
    mapped = mapping(["employee_id", column], *rows)
    assert mapped.get(f"{ENTERPRISE}:manager.value") == (f"ref({column})" if is_reference else None)


# Who is in scope


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("status", ["Active", "Inactive"], "status == 'Active'"),
        ("status", ["A", "T"], "status == 'A'"),
        ("Employment Status", ["employed", "left"], "col['Employment Status'] == 'employed'"),
        ("active", ["true", "false"], "active == 'true'"),
        ("active", [True, False], "active"),
        ("active", [1, 0], "active == 1"),
        ("status", ["active", "Active", "gone"], "status in ['active', 'Active']"),
        ("status", ["it's active", "active"], "status in ['it\\'s active', 'active']"),
        ("status", ["not active", "nicht aktiv", "active"], "status == 'active'"),
        ("Status", ["Active", "Active - On Leave", "Inactive/Left"], "Status == 'Active'"),
        ("Status", ["A", "L", "T"], "Status == 'A'"),
        ("Status", ["T", "T"], None),  # terminated, not true
        ("status", ["yes", "no"], "status == 'yes'"),
        ("status", ["full time", "retired"], "status == 'full time'"),
        ("status", ["full time", "part time"], None),
        ("Aktiv", ["x", ""], "Aktiv == 'x'"),
        ("enabledUser", ["TRUE", "FALSE"], "enabledUser == 'TRUE'"),
        # columns that say the opposite
        ("suspended", ["False", "True"], "suspended == 'False'"),
        ("suspended", [False, True], "not suspended"),
        ("suspended", [0, 1], "suspended == 0"),
        ("Ausgeschieden", ["", "x"], "Ausgeschieden == ''"),
        ("archived", ["no", "", "yes"], "archived in ['no', '']"),
        ("deleted", ["1", "1"], "deleted != '1'"),
        ("archived", ["", ""], None),
        ("Block credential", ["False", "True"], "col['Block credential'] == 'False'"),
        ("Block sign in [enabled]", ["No", "Yes"], "col['Block sign in [enabled]'] == 'No'"),
        ("userAccountControl", ["512", "514"], "(userAccountControl | int) // 2 % 2 == 0"),
        ("userAccountControl", ["NormalAccount", ""], None),
        ("enroll_status", ["0", "2"], "enroll_status == '0'"),
        # by the values alone
        ("foo", ["active", "inactive"], "foo == 'active'"),
        ("foo", ["active", "active"], None),
        ("employment info", ["active", "active"], "col['employment info'] == 'active'"),
        ("License status", ["active", "expired"], None),
        ("foo", ["yes", "no"], None),
        ("state", ["CA", "NY"], None),
        ("status", ["red", "blue"], None),
        ("status", ["", None], None),
        ("status", [["active"], ["gone"]], None),
    ],
)  # fmt: skip
def test_scope_comes_from_a_status_column(
    column: str, values: list[object], expected: str | None
) -> None:
    rows = [[str(number), value] for number, value in enumerate(values)]
    assert scope(["id", column], *rows) == expected


def test_values_out_of_scope_are_shown() -> None:
    text = draft_sync_toml(
        ["id", "status"],
        [{"id": 1, "status": "active"}, {"id": 2, "status": "parental\nleave"}],
        "hr.csv",
        "hr",
    ).text
    assert "# Out of scope: status 'parental\\nleave'\n" in text


def test_several_columns_may_say_who_works_here() -> None:
    columns = ["id", "status", "enabledUser", "archived"]
    assert scope(columns, ["1", "active", "true", "no"], ["2", "left", "false", "yes"]) == (
        "status == 'active' and enabledUser == 'true' and archived == 'no'"
    )


def test_the_best_status_column_that_is_understood_decides() -> None:
    columns = ["id", "Employment Status", "Status"]
    rows = [["1", "Full time", "Active"], ["2", "Part time", "Left"]]
    assert scope(columns, *rows) == "Status == 'Active'"


def test_a_status_counts_more_than_kinds_of_employment() -> None:
    columns = ["id", "Employment Status", "Status"]
    rows = [
        ["1", "Full-Time", "Active"],
        ["2", "Part-Time", "Inactive"],
        ["3", "Terminated", "Inactive"],
    ]
    assert scope(columns, *rows) == "Status == 'Active'"
    assert scope(columns[:2], *[row[:2] for row in rows]) == (
        "col['Employment Status'] in ['Full-Time', 'Part-Time']"
    )


NEVER, YEAR_2035 = "9223372036854775807", "137000000000000000"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([NEVER, "0"], "(accountExpires | filetime is none or accountExpires | filetime > today)"),
        (
            [YEAR_2035, ""],
            "(accountExpires | filetime is none or accountExpires | filetime > today)",
        ),
        (["12/31/2026", ""], None),
        (["", ""], None),
    ],
)
def test_an_account_that_expired_is_out_of_scope(values: list[str], expected: str | None) -> None:
    rows = [[str(number), value] for number, value in enumerate(values)]

    assert scope(["id", "accountExpires"], *rows) == expected
    # it does not tell who has left
    assert NO_LEAVERS in drafted(["id", "accountExpires"], *rows).notes


@pytest.mark.parametrize(
    ("columns", "rows", "note"),
    [
        (["id", "mail"], [["1", "a@example.com"]], NO_LEAVERS),
        (["id", "archived"], [["1", ""]], NO_LEAVERS),
        (["id", "start"], [["1", "2020-01-01"]], NO_LEAVERS),
        (
            ["id", "status"],
            [["1", "red"], ["2", "blue"]],
            "status was not used for the scope, because it is unclear which of its values mean that"
            " a user works here: 'red', 'blue'.",
        ),
        (
            ["id", "status"],
            [[str(number), f"s{number}"] for number in range(13)],
            "status was not used for the scope, because it has more than 12 values.",
        ),
        (
            ["id", "status"],
            [["1", "active"], ["2", "on leave"], ["3", "blue"]],
            "status: users with 'on leave', 'blue' are out of scope. If they should keep their"
            " accounts, add the value to the condition.",
        ),
        (
            ["id", "status"],
            [["1", "red"], ["2", "left"]],
            "status: 'red' were treated as active, because the column has no other value for it.",
        ),
        (
            ["id", "mail", "Phone", "Phone"],
            [["1", "a@example.com", "1", "1"]],
            "These names belong to more than one column, so that no expression can use them: Phone."
            " The setting headers gives the columns names of their own.",
        ),
    ],
)
def test_what_was_not_recognized_is_said_on_the_screen_and_in_sync_toml(
    columns: list[str], rows: list[list[object]], note: str
) -> None:
    samples = [dict(zip(columns, row, strict=True)) for row in rows]
    draft = draft_sync_toml(columns, samples, "hr.csv", "hr")
    assert note in draft.notes
    assert note in draft.text.replace("\n# ", " ")


def test_a_column_whose_name_occurs_twice_is_not_used() -> None:
    columns = ["id", "email", "email", "status", "status"]
    config = guessed_repeated(columns, ["1", "a@example.com", "b@example.com", "active", "left"])
    assert (config.targets["app"].scope, config.sources["hr"].key) == (None, "id")
    assert WORK_MAIL not in config.targets["app"].user


def guessed_repeated(columns: Sequence[str], row: Sequence[object]) -> Config:
    samples = [dict(zip(columns, row, strict=True))]
    return loaded(draft_sync_toml(columns, samples, "hr.csv", "hr").text)


# First and last days


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2024-01-31", "2030-01-01"], "start | date <= today"),
        ([datetime.date(2024, 1, 31), datetime.date(2030, 1, 1)], "start | date <= today"),
        (["2020-02-01T08:00:00"], "start | date <= today"),
        (["2027-01-01-08:00"], "start | date <= today"),
        (["01.02.2020", "31.12.2020"], "start | date <= today"),
        (["31/12/2020", "01/02/2020"], "start | date('%d/%m/%Y') <= today"),
        (["12/31/2020", "01/02/2020"], "start | date('%m/%d/%Y') <= today"),
        (["1/31/20"], "start | date('%m/%d/%y') <= today"),
        (["1/31/2020 12:00:00 AM"], "start | date('%m/%d/%Y %I:%M:%S %p') <= today"),
        (["31-12-2020"], "start | date('%d-%m-%Y') <= today"),
        (["01-Feb-2020"], "start | date('%d-%b-%Y') <= today"),
        (["Feb 1, 2020"], "start | date('%b %d, %Y') <= today"),
        (["2024-01-31", ""], "start != '' and start | date <= today"),
        (["2024-01-31", None], "start not in ['', none] and start | date <= today"),
        (["2024-02-31", "2030-01-01"], None),  # there is no such day
        (["2020-01-01", "soon"], None),
        (["43831"], None),  # the number of a day in Excel
        (["", ""], None),
    ],
)
def test_start_dates_are_used_if_all_can_be_read(
    values: list[object], expected: str | None
) -> None:
    rows = [[str(number), value] for number, value in enumerate(values)]
    assert scope(["id", "start"], *rows) == expected


def test_users_without_a_start_date_are_in_scope_if_their_status_says_so() -> None:
    rows = [["1", "active", "2020-01-01"], ["2", "active", ""]]
    assert scope(["id", "status", "start"], *rows) == (
        "status == 'active' and (start == '' or start | date <= today)"
    )


def test_another_column_tells_whether_dates_start_with_the_day() -> None:
    columns = ["id", "status", "start", "Birth Date"]
    row = ["1", "active", "01/02/2020", "31/12/1990"]
    assert scope(columns, row) == "status == 'active' and start | date('%d/%m/%Y') <= today"


@pytest.mark.parametrize(
    ("value", "note"),
    [
        (
            "01/02/2020",
            "start was not used for the scope, because '01/02/2020' can mean two different days."
            " Add the condition that fits:\n  start | date('%d/%m/%Y') <= today\n"
            "  start | date('%m/%d/%Y') <= today",
        ),
        (
            "soon",
            "start was not used for the scope, because not all of its values are dates in one"
            " format: 'soon'.",
        ),
    ],
)
def test_a_start_date_that_cannot_be_read_is_said_to_be_left_out(value: str, note: str) -> None:
    draft = drafted(["id", "mail", "status", "start"], ["1", "a@example.com", "active", value])
    assert draft.notes == (note,)
    assert note.splitlines()[-1] in draft.text


@pytest.mark.parametrize(
    ("columns", "row", "expected"),
    [
        (
            ["Termination Date"],
            [""],
            None,  # nobody has left yet: the column says nothing
        ),
        (
            ["Termination Date"],
            ["2024-01-31"],
            "(col['Termination Date'] == '' or col['Termination Date'] | date >= today)",
        ),
        (["Austritt"], ["31.12.9999"], "(Austritt == '' or Austritt | date >= today)"),
        (
            ["end", "start"],
            ["2024-01-31", "2020-01-01"],
            "(end == '' or end | date >= today) and start | date <= today",
        ),
        (["end", "status"], ["2024-01-31", "active"], "status == 'active'"),
        (["end"], ["soon"], None),
    ],
)  # fmt: skip
def test_the_last_day_decides_where_no_status_does(
    columns: list[str], row: list[object], expected: str | None
) -> None:
    assert scope(["id", *columns], ["1", *row]) == expected


def test_the_last_day_is_a_hint_where_a_status_decides() -> None:
    columns = ["id", "mail", "end", "status"]
    draft = drafted(columns, ["1", "a@example.com", "2024-01-31", "active"])
    assert draft.notes == ()
    assert "#   (end == '' or end | date >= today)\n" in draft.text


# Lists


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("groups", ["a;b", "c"], {"groups": ";"}),
        ("Team Names", ["a|b", "c"], {"Team Names": "|"}),
        # a comma counts in columns with a telling name only
        ("roles", ["a,b", "c"], {"roles": ","}),
        ("address", ["Main Street 1, Berlin", "x"], {}),
        ("roles", ["a", "b"], {}),
        ("remarks", ["came back; " + "very " * 20 + "long", "x"], {}),  # prose
        ("groups", [["a", "b"], ["c"]], {}),  # a typed format has lists
    ],
)
def test_columns_of_several_values(
    column: str, values: list[object], expected: Mapping[str, str]
) -> None:
    rows = [[str(number), value] for number, value in enumerate(values)]
    assert file_source(guessed(["id", column], *rows)).lists == expected


# The text


def test_columns_that_nothing_uses_are_listed_as_expressions_name_them() -> None:
    text = draft_sync_toml(["id", "email", "Shoe Size", "mail2"], [], "hr.csv", "hr").text
    assert text.endswith("# Columns that are not used: col['Shoe Size'], mail2\n")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("hr", "hr"),
        ("HR export (new)", "HR-export-new"),
        ("…", "people"),
        ("", "people"),
        ("a.b", "a.b"),
    ],
)
def test_the_source_name_is_made_plain(name: str, expected: str) -> None:
    assert list(loaded(draft_sync_toml(["id"], [], "hr.csv", name).text).sources) == [expected]


def test_every_example_works_without_its_mark() -> None:
    text = draft_sync_toml(["id"], [], "hr.csv", "hr").text
    config = loaded(re.sub(r"(?m)^#(?=['\"a-zA-Z])", "", text))
    assert str(config.guard.max_removals) == "10%"
    assert config.access == {"IT": "department == 'IT'"}
    assert config.targets["app"].rate == 25
    assert config.targets["app"].scope == "status == 'active'"
    assert len(config.targets["app"].user) >= 18


ODD = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "is",
            "not",
            "None",
            "true",
            "today",
            "access",
            "col",
            "self",
            "_x",
            "Émile",
            "email",
            "status",
            "groups",
        ]
    ),
    st.sampled_from(
        [
            "a b",
            "a'b",
            'a"b',
            "a\\b",
            "a\nb",
            "a\\",
            "{{x}}",
            "{% x %}",
            "#",
            "\x7f",
            "\u2028",
            "\ud800",
            " ",
        ]
    ),
)
CELLS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=12),
    st.dates(),
    st.lists(st.text(max_size=3), max_size=2),
)


FILE_NAMES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=10).filter(
    str.strip
)


@given(st.data(), st.lists(ODD, max_size=8), FILE_NAMES, st.text(max_size=10))
def test_any_columns_give_a_file_that_loads(
    data: st.DataObject, columns: list[str], file_name: str, source_name: str
) -> None:
    names = [column for column in columns if not _has_surrogate(column)]
    row = st.fixed_dictionaries({}, optional=dict.fromkeys(names, CELLS))
    rows = data.draw(st.lists(row, max_size=4))

    text = draft_sync_toml(names, rows, file_name, source_name).text

    config = loaded(text.encode().decode())
    source = file_source(config)
    assert source.path == file_name
    assert source.key in {*names, "id"}


@given(ODD.filter(bool))
@example("a'b\\")
@example("\\x41")
@example("e\u0301")
def test_an_expression_that_names_a_column_names_exactly_that_column(column: str) -> None:
    environment = jinja2.Environment(autoescape=False)  # the text of an expression, not a page
    value = environment.compile_expression(column_expression(column))
    assert value({column: "found"} | {"col": {column: "found"}}) == "found"


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)
