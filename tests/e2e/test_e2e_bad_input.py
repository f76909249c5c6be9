"""What bad input gets: a message with the place, an exit code, and nobody loses an account because
a row was bad."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta

import pytest

from scimsync.errors import SourceUnavailable
from scimsync.sources.file.source import PathSource
from tests.office import SOURCE, USER, Office, Ran, counts, people, person
from tests.servers.faulty import FaultyServer

HEAD = "id,email,given,family,dept,manager\n"


def lines(count: int) -> list[str]:
    """hr.csv, line by line, without its header; line n of the file is number n - 2."""
    return [",".join(person(number).values()) for number in range(1, count + 1)]


@pytest.fixture
def twenty(office: Office, faulty: FaultyServer) -> Office:
    """A company of twenty people, who all have accounts."""
    office.hire(people(20))
    assert office.push().exit_code == 0
    faulty.forget()
    return office


def nobody_is_switched_off(faulty: FaultyServer) -> bool:
    return all(user["active"] is True for user in faulty.users.values())


def as_people_want_it(ran: Ran) -> bool:
    """No traceback, nothing on stdout that is not asked for."""
    return "Traceback" not in ran.err + ran.out and ran.out == ""


@pytest.mark.parametrize("pick", [None, "dept"])
def test_a_mistyped_key_costs_nobody_an_account(
    office: Office, faulty: FaultyServer, pick: str | None
) -> None:
    source = SOURCE if pick is None else f'{SOURCE}pick = "{pick}, given"\n'
    office.configure(source=source, target='leave = { action = "delete" }')
    office.hire(people(20))
    office.push()
    before = dict(faulty.users)
    typed = [person(number) for number in range(1, 20)]
    office.hire([*typed, person(20, id="00012")])

    ran = office.run("push")

    assert ran.code == 4
    assert 'may belong to "00020", which is kept' in ran.err
    assert faulty.users == before

    office.hire(typed)  # this time they left
    assert office.run("push").code == 0
    assert len(faulty.users) == 19


def test_the_row_that_counts_costs_nobody_an_account_by_losing_its_key(
    office: Office, faulty: FaultyServer
) -> None:
    source = SOURCE + "pick = \"dept = 'left'\"\n"
    office.configure(source=source, target="scope = \"dept != 'left'\"")
    office.hire([*people(8), person(8, dept="left")])
    assert office.run("push").code == 0
    office.hire([*people(7), person(8, id=""), person(8, dept="left")])

    ran = office.run("push")

    assert ran.code == 4
    assert 'may belong to "00008", which is kept' in ran.err
    assert nobody_is_switched_off(faulty)


# The file as a whole


@dataclass(frozen=True)
class Refused:
    """A file that nothing can be made of. `said` are pieces of the message."""

    content: bytes
    code: int
    said: tuple[str, ...]
    source: str = SOURCE
    user: str = USER
    name: str = "hr.csv"


WHOLE = (HEAD + "\n".join(lines(20)) + "\n").encode()

REFUSED = {
    "no key column": Refused(
        WHOLE.replace(b"id,email", b"number,email", 1),
        2,
        ("sync.toml: sources.hr.key", '"id"', "number, email, given"),
    ),
    "no mapped column": Refused(
        WHOLE.replace(b"id,email", b"id,mail", 1),
        2,
        (
            "sync.toml: targets.wiki.user.userName",
            '"email"',
            "id, mail, given, family, dept, manager",
            'did you mean "mail"?',
        ),
    ),
    "not its encoding": Refused(
        WHOLE.replace(b"Given7,", b"Giv\xe9n,"), 2, ("hr.csv", "line 8", "encoding")
    ),
    "no bytes": Refused(b"", 3, ("hr.csv", "empty")),
    "no rows": Refused(HEAD.encode(), 3, ("hr.csv", "empty")),
    "half of the rows": Refused(
        (HEAD + "\n".join(lines(10)) + "\n").encode(), 3, ("10 records", "20", "min_records")
    ),
    "no good row": Refused((HEAD + "x\ny\n").encode(), 3, ("hr.csv", "no usable row")),
    "a file still being written": Refused(
        b'[{"id": "00001", "email": "a@example.com", "given": "A", "family": "B", "dept": "IT"},'
        b' {"id": "00',
        1,
        ("hr.json", "written"),
        source=SOURCE.replace("hr.csv", "hr.json"),
        name="hr.json",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_of_no_use_stops_the_push_with_a_message(
    twenty: Office, faulty: FaultyServer, what: str
) -> None:
    case = REFUSED[what]
    (twenty.folder / case.name).write_bytes(case.content)
    twenty.configure(source=case.source, user=case.user)

    ran = twenty.run("push")

    assert (ran.code, as_people_want_it(ran)) == (case.code, True), ran
    for piece in case.said:
        assert piece in ran.err
    assert faulty.seen == []
    twenty.hire(people(20))
    twenty.configure()
    assert (twenty.plan(), faulty.seen) == ([], [])


def test_a_missing_file_is_named(twenty: Office, faulty: FaultyServer) -> None:
    (twenty.folder / "hr.csv").unlink()

    ran = twenty.run("push")

    assert (ran.code, as_people_want_it(ran)) == (1, True), ran
    assert "hr.csv" in ran.err
    assert faulty.seen == []


def test_a_file_that_changes_while_it_is_read_sends_nothing(
    twenty: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashing = PathSource.checksum

    def grows(source: PathSource) -> str:
        with (twenty.folder / "hr.csv").open("a") as file:
            file.write("00099,late@example.com,La,Te,IT,\n")
        return hashing(source)

    monkeypatch.setattr(PathSource, "checksum", grows)
    twenty.hire(people(19))

    with pytest.raises(SourceUnavailable, match=r"hr\.csv"):
        twenty.push()

    assert faulty.seen == []
    assert [one.key for one in twenty.links().values() if one.status != "active"] == []


# Single rows


@dataclass(frozen=True)
class BadRow:
    """hr.csv with a bad row in line 8, which is that of 00007."""

    row: str
    key: str | None
    said: tuple[str, ...]
    line: int | None = 8


BAD_ROWS = {
    "too few fields": BadRow(
        "00007,Person7@example.com,Given7", "00007", ("hr", "line 8", "00007")
    ),
    "too many fields": BadRow(
        "00007,Person7@example.com,Given7,Family7,IT,,slipped,cells", "00007", ("line 8", "00007")
    ),
    "no key": BadRow(
        ",Person7@example.com,Given7,Family7,IT,",
        None,
        ("line 8", "no key", '"00007"', "which is kept"),
    ),
}


@pytest.mark.parametrize("what", BAD_ROWS)
def test_a_bad_row_is_reported_and_nobody_is_gone(
    twenty: Office, faulty: FaultyServer, what: str
) -> None:
    case = BAD_ROWS[what]
    rows = lines(20)
    rows[6] = case.row
    rows[0] = rows[0].replace(",IT,", ",Sales,")
    twenty.write("hr.csv", HEAD + "\n".join(rows) + "\n")

    ran = twenty.run("push")
    again = twenty.run("push", "--json")

    assert ran.code == 4
    for piece in case.said:
        assert piece in ran.err
    assert [(one["source"], one["line"], one["key"]) for one in again.document["problems"]] == [
        ("hr", case.line, case.key)
    ]
    assert again.code == 4
    assert [str(one) for one in faulty.written()] == ["PATCH /Users/id-00001"]
    assert nobody_is_switched_off(faulty)


def test_of_two_rows_with_one_key_neither_counts(twenty: Office, faulty: FaultyServer) -> None:
    rows = lines(20)
    rows.insert(7, "00006,stranger@example.com,Some,Body,Sales,")
    twenty.write("hr.csv", HEAD + "\n".join(rows) + "\n")

    ran = twenty.run("push", "--json")

    assert ran.code == 4
    (problem,) = ran.document["problems"]
    assert (problem["source"], problem["line"], problem["key"]) == ("hr", 7, "00006")
    assert problem["detail"] == (
        'key "00006" is in lines 7 and 9, which differ in dept, email, family, given; neither'
        " counts [SYNC-0222]"
    )
    assert faulty.seen == []


DAY = timedelta(days=1)
DELETED_AFTER = 'leave = { action = "deactivate", delete_after = "30d" }'

RETURNS = {
    "too few fields": "00020,Person20@example.com",
    "no key": ",person20@example.com,Given20,Family20,IT,",
    "twice": "00020,a@example.com,A,B,IT,\n00020,b@example.com,A,C,IT,",
}


@pytest.mark.both_databases
@pytest.mark.parametrize("what", RETURNS)
def test_who_comes_back_with_a_bad_row_keeps_the_account(
    office: Office, faulty: FaultyServer, what: str
) -> None:
    office.configure(target=DELETED_AFTER)
    office.hire(people(20))
    office.push()
    office.hire(people(19))
    office.push(later=DAY)
    office.push(later=31 * DAY)  # the first of the two runs that find the deletion due
    office.write("hr.csv", HEAD + "\n".join([*lines(19), RETURNS[what]]) + "\n")

    office.now += DAY
    assert office.plan() == []
    outcome = office.push()

    assert outcome.exit_code == 4
    assert "id-00020" in faulty.users
    office.hire(people(20))
    assert counts(office.push(later=DAY)) == {"reactivate": 1}
    assert nobody_is_switched_off(faulty)


def test_who_stays_away_after_a_bad_row_is_deleted_after_the_full_time(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target=DELETED_AFTER)
    office.hire(people(20))
    office.push()
    office.hire(people(19))
    office.push(later=DAY)
    office.push(later=31 * DAY)
    office.write("hr.csv", HEAD + "\n".join([*lines(19), "00020"]) + "\n")
    office.push(later=DAY)
    office.hire(people(19))

    assert office.push(later=DAY).exit_code == 0
    assert counts(office.push(later=29 * DAY)) == {}
    assert counts(office.push(later=DAY)) == {}
    assert counts(office.push(later=DAY)) == {"delete": 1}
    assert "id-00020" not in faulty.users


# Single people


def test_an_expression_that_fails_for_one_fails_only_that_person(
    twenty: Office, faulty: FaultyServer
) -> None:
    twenty.hire(
        [row | {"joined": "2024-05-01"} for row in people(6)] + [person(7) | {"joined": "soon"}]
    )
    twenty.configure(
        user=USER + 'title = "(joined | date).year"\n',
        guard='min_records = "0%"\nmax_removals = 20',
    )

    ran = twenty.run("push", "--json")
    told = twenty.run("push")

    assert (ran.code, told.code) == (4, 4)
    (problem,) = ran.document["problems"]
    assert (problem["source"], problem["key"]) == ("hr", "00007")
    for piece in ("targets.wiki.user.title", "(joined | date).year", '"soon"'):
        assert piece in problem["detail"]
        assert piece in told.err
    assert "00007" in told.err
    assert faulty.users["id-00006"]["title"] == "2024"
    assert "title" not in faulty.users["id-00007"]
    assert faulty.users["id-00007"]["active"] is True


ODD_JSON = {
    "too large for a float": ("1e400", "inf is not a number that can be sent"),
    "no number": ("NaN", "nan is not a number that can be sent"),
    "infinite within": ('{"a": [-1e999]}', "-inf is not a number that can be sent"),
    "longer than a number that can be sent": (
        "99999999999999999999999999",
        "the number is too large",
    ),
    "longer than Python reads": (
        '{"a": ' + "1" * 5000 + "}",
        "inf is not a number that can be sent",
    ),
    "deep": ("[" * 200 + "]" * 200, "the record in hr: a value is nested too deeply"),
    "too deep to be read": (
        "[" * 5000 + "]" * 5000,
        "the record in hr: a value is nested too deeply",
    ),
}


@pytest.mark.parametrize("what", ODD_JSON)
def test_json_that_no_attribute_can_hold_fails_only_that_person(
    office: Office, faulty: FaultyServer, what: str
) -> None:
    value, said = ODD_JSON[what]
    source = SOURCE.replace("hr.csv", "hr.json")
    office.configure(source=source, user=USER + 'title = "level"\n', guard='min_records = "0%"')
    rows = [row | {"level": 1} for row in people(4)]
    office.write("hr.json", json.dumps(rows))
    office.push()
    rows[1] |= {"level": "LEVEL", "family": "Other"}
    rows[2] |= {"level": 2}
    office.write("hr.json", json.dumps(rows[:3]).replace('"LEVEL"', value))

    ran = office.run("push", "--json")

    assert ran.code == 4
    (problem,) = ran.document["problems"]
    assert problem["key"] == "00002"
    assert said in problem["detail"]
    assert faulty.users["id-00002"]["displayName"] == "Given2 Family2"
    assert faulty.users["id-00003"]["title"] == "2"
    active = {user["externalId"]: user["active"] for user in faulty.users.values()}
    assert active == {"00001": True, "00002": True, "00003": True, "00004": False}
    assert [office.run("explain", "00002", *more).code for more in ([], ["--json"])] == [0, 0]
    office.write("hr.json", json.dumps(rows[:3]).replace('"LEVEL"', "7"))
    assert office.push().exit_code == 0
    assert faulty.users["id-00002"]["title"] == "7"


def test_an_empty_user_name_fails_only_that_person(twenty: Office, faulty: FaultyServer) -> None:
    twenty.hire([person(1, dept="Sales"), *people(6)[1:], person(7, email=""), *people(20)[7:]])

    ran = twenty.run("push", "--json")

    assert ran.code == 4
    (problem,) = ran.document["problems"]
    assert problem["key"] == "00007"
    assert "userName" in problem["detail"]
    assert [str(one) for one in faulty.written()] == ["PATCH /Users/id-00001"]
    assert nobody_is_switched_off(faulty)


def test_of_two_who_want_one_user_name_the_one_who_has_it_keeps_it(
    twenty: Office, faulty: FaultyServer
) -> None:
    twenty.hire([person(0, email="PERSON7@example.com"), *people(20)])

    ran = twenty.run("push", "--json")

    assert ran.code == 4
    (problem,) = ran.document["problems"]
    assert problem["key"] == "00000"
    assert "00007" in problem["detail"]
    assert faulty.written() == []


def test_an_ambiguous_match_sends_nothing_for_that_person(
    twenty: Office, faulty: FaultyServer
) -> None:
    one = faulty.add(userName="first@example.com", externalId="00021")
    two = faulty.add(userName="second@example.com", externalId="00021")
    twenty.hire(people(22))

    ran = twenty.run("push", "--json")

    assert ran.code == 4
    (problem,) = ran.document["problems"]
    assert problem["key"] == "00021"
    for piece in ("ambiguous", one["id"], two["id"]):
        assert piece in problem["detail"]
    assert [(str(seen), (seen.body or {})["externalId"]) for seen in faulty.written()] == [
        ("POST /Users", "00022")
    ]


# sync.toml


@dataclass(frozen=True)
class Wrong:
    """Something wrong in sync.toml: `old` there is replaced by `new`."""

    old: str
    new: str
    said: tuple[str, ...]


WRONG = {
    "a name that is no column": Wrong(
        'userName = "email | lower"',
        'userName = "mail | lower"',
        ("targets.wiki.user.userName", '"mail"', 'did you mean "email"?'),
    ),
    "a filter that does not exist": Wrong(
        '"email | lower"', '"email | lowr"', ("targets.wiki.user.userName", "lowr")
    ),
    "no expression": Wrong(
        'displayName = "given', 'displayName = "given ~', ("targets.wiki.user.displayName",)
    ),
    "a bad path": Wrong(
        "displayName =", '"emails[type eq].value" =', ("targets.wiki.user", "emails[type eq].value")
    ),
    "an unknown key": Wrong(
        "[guard]", "[guard]\nmax_removal = 3", ("guard.max_removal", "max_removals")
    ),
    "an unknown guard": Wrong(
        "[guard]", '[guard]\nmax_removals = "lots"', ("guard.max_removals", "lots")
    ),
    "no TOML": Wrong("[guard]", "[guard", ("sync.toml:",)),
    "a secret that is not there": Wrong(
        "env:WIKI_TOKEN", "env:NO_SUCH", ("targets.wiki.auth.token", "NO_SUCH")
    ),
    "a token in place of a reference": Wrong(
        "env:WIKI_TOKEN", "tok-4711", ("targets.wiki.auth.token", "env:NAME")
    ),
    "http elsewhere": Wrong(
        "http://127.0.0.1", "http://wiki.example.com", ("targets.wiki.url", "https")
    ),
    "a source that is not there": Wrong(
        "[targets.wiki]", '[targets.wiki]\nsource = "crm"', ("targets.wiki.source", "crm", "hr")
    ),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("command", ["plan", "push"])
def test_a_wrong_sync_toml_is_told_by_its_place_and_sends_nothing(
    twenty: Office, faulty: FaultyServer, what: str, command: str
) -> None:
    case = WRONG[what]
    text = (twenty.folder / "sync.toml").read_text()
    assert case.old in text
    twenty.write("sync.toml", text.replace(case.old, case.new, 1))
    twenty.hire(people(19))

    ran = twenty.run(command)

    assert (ran.code, as_people_want_it(ran)) == (2, True), ran
    for piece in ("sync.toml", *case.said):
        assert piece in ran.err
    assert "tok-4711" not in ran.err
    assert faulty.seen == []


def test_an_error_is_one_json_document_where_json_is_asked_for(twenty: Office) -> None:
    twenty.configure(user=USER.replace("given ~", "givn ~"))

    ran = twenty.run("push", "--json")

    assert ran.code == 2
    assert ran.document["exit_code"] == 2
    assert ran.document["error"]["message"].startswith(
        'sync.toml: targets.wiki.user.displayName: no column "givn" in source hr'
    )
    assert ran.document["error"]["hint"] == 'did you mean "given"?'


def test_a_traceback_is_shown_with_debug_only(twenty: Office) -> None:
    twenty.configure(user=USER.replace("given ~", "givn ~"))

    assert "Traceback" in twenty.run("push", "--debug").err


def test_a_folder_without_sync_toml_is_told_so(twenty: Office) -> None:
    (twenty.folder / "sync.toml").unlink()

    ran = twenty.run("push")

    assert (ran.code, as_people_want_it(ran)) == (2, True)
    assert "sync.toml" in ran.err


def test_an_unknown_target_is_told_with_those_there_are(twenty: Office) -> None:
    ran = twenty.run("push", "-t", "wikki")

    assert (ran.code, as_people_want_it(ran)) == (2, True)
    assert "wikki" in ran.err
    assert "found: wiki" in ran.err


def test_text_beside_a_quoted_cell_is_a_bad_row_and_nobody_is_gone(
    office: Office, faulty: FaultyServer
) -> None:
    office.hire(people(10))
    office.push()
    text = (office.folder / "hr.csv").read_text("utf-8")
    office.write("hr.csv", text.replace("00002,", '"00002" "x",', 1))
    faulty.forget()

    outcome = office.push()

    assert (outcome.exit_code, [one.line for one in outcome.problems]) == (4, [3])
    assert faulty.written() == []
