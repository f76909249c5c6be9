"""Records that try to be something else: templates, filters, paths, escapes, formulas. They are
data, everywhere."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from tests.chaos.scale import LONG, scaled, seed
from tests.office import Office, Row, people, person
from tests.servers.faulty import Fault, FaultyServer

PIECES = (
    "{{ 7 * 7 }}",
    "{% for x in range(10**9) %}",
    "{{ ''.__class__.__mro__ }}",
    "${HOME}",
    "$(id)",
    "`id`",
    "%s%n",
    "%(token)s",
    '" or userName pr or "',
    'emails[type eq "work"]',
    "urn:ietf:params:scim:schemas:core:2.0:User:active",
    "../../Groups/1",
    "?filter=x&count=0",
    "#",
    "/",
    "\\",
    "%2e%2e%2f",
    "\x1b[2J\x1b[31m",
    "\x07",
    "\x00",
    "\r\nX-Admin: 1\r\n",
    "\t",
    "\u202e",
    "\u200b",
    "\ufeff",
    "\ufffe",
    "\U0001f600",
    "\xe9",
    "e\u0301",
    "\xdf",
    "\u0130",
    "=1+1",
    "@SUM(A1)",
    "+1",
    "-1",
    "'",
    "''",
    '"',
    '""',
    ";",
    ",",
    "|",
    "null",
    "None",
    "true",
    "NaN",
    "-0",
    "1e999",
    "0x10",
    "[]",
    "{}",
    '{"a": 1}',
    "<script>",
    "&amp;",
    "' OR 1=1 --",
    "Robert'); DROP TABLE",
    "env:WIKI_TOKEN",
    "file:/etc/passwd",
    "cmd:id",
    "sesame",
    " ",
    "   ",
    "\xa0",
    "\u2028",
)
UNIQUE = ("id", "email")


def hostile(chance: random.Random) -> str:
    """A value that means something to somebody."""
    text = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 4)))
    return text * chance.choice((1, 1, 1, 1, 50)) if chance.random() < 0.98 else text * 20_000


def attack(row: Row, chance: random.Random) -> Row:
    """The row with some values that are hostile."""
    row = dict(row)
    for column in row:
        if chance.random() < 0.4:
            unique = row[column] if column in UNIQUE else ""
            row[column] = hostile(chance)[: 3000 if column in UNIQUE else None] + unique
    return row


def test_hostile_records(office: Office, faulty: FaultyServer) -> None:
    chance = random.Random(number := seed())
    guard = 'max_removals = "100%"\nmax_updates = "100%"\nmin_records = "0%"'
    # or the target's list grows with each turn
    office.configure(target='leave = { action = "delete" }', guard=guard)
    good = people(20)
    office.hire(good)
    office.push()
    each = scaled(150, 500)
    for turn in range(scaled(2, 100)):
        start = 1000 + turn * each
        office.hire([*good, *(attack(person(one), chance) for one in range(start, start + each))])

        outcome = office.push()

        assert outcome.exit_code in (0, 4), (number, turn)
        there = {user.get("externalId"): user for user in faulty.users.values()}
        gone = [row["id"] for row in good if not there.get(row["id"], {}).get("active")]
        assert gone == [], (number, turn)
        assert {row["id"]: there[row["id"]]["displayName"] for row in good} == {
            row["id"]: f"{row['given']} {row['family']}" for row in good
        }
        if turn < 3:
            look(office, number)
    assert all(seen.path.startswith("/Users") for seen in faulty.seen)
    assert office.token not in "".join(str(seen.body) + seen.path for seen in faulty.seen)


def look(office: Office, number: int) -> None:
    """Everything that prints a record: no escape reaches the terminal, no secret, no traceback."""
    for command in (
        ["plan"],
        ["status"],
        ["journal", "-v"],
        ["journal", "--failed"],
        ["runs"],
        ["plan", "--format", "markdown"],
        ["plan", "--format", "html"],
    ):
        ran = office.run(*command)
        assert ran.code in (0, 4), (number, command, ran.err)
        for text in (ran.out, ran.err):
            assert "Traceback" not in text
            assert office.token not in text
            assert not any(sign in text for sign in "\x1b\x07\x00\u202e"), (number, command)


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
ANSWERS: dict[str, dict[str, object]] = {
    "huge": {"status": 200, "body": b'{"Resources": ["' + b"x" * 11_000_000 + b'"]}'},
    "deeply nested": {"status": 200, "body": DEEP},
    "the same key twice": {
        "status": 200,
        "body": b'{"totalResults": 1, "totalResults": 0, "Resources": [], "Resources": 3}',
    },
    "a list": {"status": 200, "body": b"[]"},
    "a number": {"status": 200, "body": b"42"},
    "wrong types": {"status": 200, "body": {"totalResults": "many", "Resources": {"id": []}}},
    "a total of 5,000 digits": {
        "status": 200,
        "body": {"totalResults": "9" * 5000, "Resources": []},
    },
    "no end": {
        "status": 200,
        "body": {"totalResults": 10**9, "startIndex": 1, "itemsPerPage": 0, "Resources": []},
    },
    "a redirect": {"status": 302, "headers": {"Location": "http://127.0.0.1:9/steal"}},
    "a redirect elsewhere": {"status": 307, "headers": {"Location": "https://thief.example.com/"}},
    "nothing": {"status": 200, "body": b""},
    "an id that is a path": {"status": 201, "body": {"id": "../../Groups/1", "userName": "x"}},
    "an id that is too long": {"status": 201, "body": {"id": "x" * 3000, "userName": "x"}},
    "an id that is a list": {"status": 201, "body": {"id": ["x"], "userName": "x"}},
    "another origin": {
        "status": 201,
        "headers": {"Location": "https://thief.example.com/v2/Users/7"},
    },
    "bytes": {"status": 200, "body": bytes(range(256))},
    "an escape": {"status": 400, "body": {"detail": "no \x1b[2J\x07 sesame-open"}},
}


@pytest.mark.parametrize(
    "state_kind", ["sqlite", "postgresql"] if LONG else ["sqlite"], indirect=True
)
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("what", ANSWERS)
def test_hostile_answers(office: Office, faulty: FaultyServer, what: str, method: str) -> None:
    office.hire(people(3))
    assert office.push().exit_code == 0
    faulty.faults.append(Fault(method, times=10_000, **ANSWERS[what]))  # type: ignore[arg-type]
    office.hire([person(1, dept="Sales"), *people(6)[1:]])

    ran = office.run("push")

    assert ran.code in (0, 1, 4)
    assert "Traceback" not in ran.err
    assert not any(sign in ran.out + ran.err for sign in "\x1b\x07")
    assert office.token not in ran.out + ran.err
    assert all(user["active"] for user in faulty.users.values())
    assert not any("Groups" in seen.path for seen in faulty.seen)
    faulty.faults.clear()
    office.configure(target="concurrency = 3")
    for _ in range(3):
        office.push(later=timedelta(days=2))
    assert len({user["externalId"] for user in faulty.users.values()}) == len(faulty.users)
    # nobody can know that it is a lie
    assert len(faulty.users) == 6 or ANSWERS[what]["status"] == 201


def test_long_ids_and_names_of_a_target_are_neither_printed_nor_stored(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(target="match = ['externalId']")
    office.hire(people(3))
    faulty.add(externalId="00001", userName="n" * 5000, displayName="d" * 9000, active=True)
    longest = faulty.add(externalId="00002", userName="longest", active=True)
    longest["id"] = "i" * 2049
    faulty.fail("POST", status=201, body={"id": "i" * 3000, "userName": "person3@example.com"})

    planned = office.run("plan", "--json")
    ran = office.run("push")
    shown = [planned, ran, office.run("journal"), office.run("explain", "00001")]

    assert ran.code == 4
    assert office.run("status").code == 0
    changes = planned.document["targets"]["wiki"]["operations"][0]["changes"]
    before = {change["path"]: change["before"] for change in changes}
    assert before["userName"] == "n" * 2047 + "…"
    assert before["displayName"] == "d" * 2047 + "…"
    texts = [one.out + one.err for one in shown]
    texts += [str(office.sql(f"select * from {table}")) for table in ("link", "operation")]
    for text in texts:
        for letter in "nid":
            assert letter * 2048 not in text
    # the one whose id can be used has the account; a later run makes that of the third
    assert faulty.named("person1@example.com")["displayName"] == "Given1 Family1"
    assert office.push(later=timedelta(days=1)).exit_code == 4
    assert faulty.named("person3@example.com")["externalId"] == "00003"
