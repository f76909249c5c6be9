"""The program prints each message that docs/reference/bad-input.md shows."""

from __future__ import annotations

import csv
import gzip
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.docs.documentation import ROOT, page
from tests.office import Office
from tests.servers.faulty import HTML, FaultyServer
from tests.workbooks import xlsx, zipped

PAGE = page("docs/reference/bad-input.md")


@dataclass
class ExampleFolder:
    """The HR file and the sync.toml of examples/first, with a target `app`. A case may change
    both."""

    office: Office
    faulty: FaultyServer
    monkeypatch: pytest.MonkeyPatch

    def edit(self, name: str, pattern: str, replacement: str) -> ExampleFolder:
        """Replace what `pattern` matches at the start of a line."""
        before = (self.office.folder / name).read_text("utf-8")
        after = re.sub(f"^{pattern}", replacement, before, flags=re.MULTILINE)
        assert after != before
        return self.file(name, after)

    def row(self, pattern: str, replacement: str) -> ExampleFolder:
        return self.edit("hr.csv", pattern, replacement)

    def setting(self, pattern: str, replacement: str) -> ExampleFolder:
        return self.edit("sync.toml", pattern, replacement)

    def more(self, text: str) -> ExampleFolder:
        """Append tables to sync.toml."""
        return self.file(
            "sync.toml", (self.office.folder / "sync.toml").read_text("utf-8") + f"\n{text}\n"
        )

    def file(self, name: str, text: str) -> ExampleFolder:
        self.office.write(name, text)
        return self

    def instead(self, name: str, content: bytes) -> ExampleFolder:
        """Read another file in place of hr.csv."""
        (self.office.folder / name).write_bytes(content)
        return self.setting("path = .*", f'path = "{name}"')

    def as_json(self, change: Callable[[list[str]], None]) -> ExampleFolder:
        """Read the records as JSON, after a change of the texts of their objects."""
        header, *rows = self.table
        objects = [json.dumps(dict(zip(header, row, strict=True))) for row in rows]
        change(objects)
        return self.instead("hr.json", f"[{','.join(objects)}]".encode())

    @property
    def table(self) -> list[list[str]]:
        """The cells of hr.csv."""
        text = (self.office.folder / "hr.csv").read_text("utf-8")
        return list(csv.reader(text.splitlines()))

    def bytes(self, change: Callable[[bytes], bytes]) -> ExampleFolder:
        """Change the bytes of hr.csv."""
        path = self.office.folder / "hr.csv"
        path.write_bytes(change(path.read_bytes()))
        return self


def another_account(folder: ExampleFolder) -> None:
    for name in ("ann.abel@example.com", "ann@example.com"):
        folder.faulty.add(userName=name, externalId="1001")


def with_error_cell(folder: ExampleFolder) -> None:
    rows = folder.table
    rows[5][rows[0].index("department")] = "#N/A"
    folder.instead("hr.xlsx", xlsx(rows, title="hr"))


def with_two_sheets(folder: ExampleFolder) -> None:
    folder.instead(
        "hr.xlsx",
        xlsx(folder.table, lambda book, _: book.create_sheet("Old").append([1]), title="hr"),
    )


LAUGHS = "a: &a [ha]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
PROTECTED = (
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 999 + "EncryptedPackage".encode("utf-16-le")
)


def without_file(folder: ExampleFolder) -> None:
    (folder.office.folder / "hr.csv").unlink()


def without_token(folder: ExampleFolder) -> None:
    folder.monkeypatch.delenv("SCIM_TOKEN")


@contextmanager
def written_meanwhile(folder: ExampleFolder) -> Iterator[None]:
    """Append to hr.csv for as long as the push runs."""
    row = b"1009,Late,Lark,Late.Lark@example.com,,,,active,2026-01-01\n"
    done = threading.Event()

    def append() -> None:
        with (folder.office.folder / "hr.csv").open("ab", buffering=0) as file:
            while not done.wait(0.001):
                file.write(row)

    writer = threading.Thread(target=append)
    writer.start()
    yield
    done.set()
    writer.join()


def two_sources(folder: ExampleFolder) -> None:
    folder.setting("url = (.*)", r'url = \1\nsource = ["hr", "more"]')
    folder.more('[sources.more]\ntype = "file"\npath = "more.csv"\nkey = "employee_id"')
    head, *rows = (folder.office.folder / "hr.csv").read_text("utf-8").splitlines(keepends=True)
    folder.office.write("more.csv", head + rows[-1])


def answered(**fault: Any) -> Callable[[ExampleFolder], None]:
    """Move Eva, and answer her PATCH with this fault."""

    def setup(folder: ExampleFolder) -> None:
        folder.row("(1005.*),Sales,", r"\1,People,")
        folder.faulty.fail("PATCH", **fault)

    return setup


@dataclass(frozen=True)
class BadInputCase:
    """The messages of the page (… stands for any text) and the exit code. With `pushed`, a good
    push comes first."""

    setup: Callable[[ExampleFolder], object]
    code: int
    messages: tuple[str, ...]
    pushed: bool = True


CIRCLE = "[access]\nA = \"'B' in access\"\nB = \"'A' in access\""
LOOKED_UP = "title = \"department | lookup('titles')\""

CASES = {
    "too few fields": BadInputCase(
        lambda s: s.row("1003,.*$", "1003,Chloé,Čapek,Chloe.Capek@example.com,Administrator"),
        4,
        ("hr line 4 1003: has 5 fields where the header has 9; the row is left out",),
    ),
    "no key": BadInputCase(
        lambda s: s.row("1002,", ","),
        4,
        (
            (
                'hr line 3: the row has no key and is left out; it may belong to "1002", which'
                " is kept"
            ),
        ),
    ),
    "a key twice": BadInputCase(
        lambda s: s.row(r"(1008,.*),active,(.*)\n", r"\1,active,\2\n\1,left,\2\n"),
        4,
        (
            'hr line 9 1008: key "1008" is in lines 9 and 10, which differ in status; neither'
            " counts",
        ),
    ),
    "a mistyped key": BadInputCase(
        lambda s: s.row("1008,", "1002,"),
        4,
        (
            'hr line 3 1002: key "1002" is in lines 3 and 9, which differ in …; neither counts; one'
            ' may belong to "1008", which is kept',
        ),
    ),
    "a mistyped key with pick": BadInputCase(
        lambda s: (
            s.row("1008,", "1002,"),
            s.setting("key = .*", 'key = "employee_id"\npick = "start"'),
        ),
        4,
        (
            'hr line 9 1002: key "1002" is in several rows; this one may belong to "1008", which is'
            " kept",
        ),
    ),
    "a missing key column": BadInputCase(
        lambda s: s.row("employee_id", "number"),
        2,
        ('sync.toml: sources.hr.key: no column "employee_id" in hr.csv',),
    ),
    "a missing column of an expression": BadInputCase(
        lambda s: s.row("(.*),email,", r"\1,mail,"),
        2,
        (
            'sync.toml: targets.app.user.userName: no column "email" in source hr',
            'did you mean "mail"?',
        ),
    ),
    "another encoding": BadInputCase(
        lambda s: s.bytes(lambda content: content.replace("é,Č".encode(), b"\xe9,C")),
        2,
        (
            "sync.toml: sources.hr.encoding: hr.csv, line 4: byte 0xe9 is not utf-8",
            "windows-1252: Chloé",
            'try encoding = "windows-1252"',
        ),
    ),
    "UTF-16 without a mark": BadInputCase(
        lambda s: s.bytes(lambda content: content.decode().encode("utf-16-le")),
        2,
        (
            "sync.toml: sources.hr.encoding: hr.csv looks like UTF-16 without a byte order mark",
            'set encoding = "utf-16-le"',
        ),
    ),
    "an error cell": BadInputCase(
        with_error_cell,
        4,
        (
            (
                'hr 1005: row 6 of sheet hr: has #N/A in column "department" (F6); the row is left'
                " out"
            ),
        ),
    ),
    "no JSON list": BadInputCase(
        lambda s: (
            s.setting("key (.*)", r'key \1\nlists = { department = { format = "json" } }')
            .row(r"(\d.*@example.com,[^,]*),[^,]*,", r"\1,[],")
            .row(r"(1005.*@example.com,[^,]*),[^,]*,", r"\1,Sales,")
        ),
        4,
        ('hr line 6 1005: department is not a JSON list: "Sales"; the row is left out',),
        pushed=False,
    ),
    "two stray quotes": BadInputCase(
        lambda s: s.row("1002,Ben", '1002,"Ben').row("1004,Dan", '1004,Dan"'),
        4,
        (
            (
                "hr line 3 1002: has a quoted cell that holds whole rows, up to line 5; the row is"
                " left out"
            ),
        ),
        pushed=False,
    ),
    "a name twice in JSON": BadInputCase(
        lambda s: s.as_json(
            lambda rows: rows.__setitem__(4, rows[4].replace("}", ', "status": "left"}'))
        ),
        4,
        (('hr 1005: row 5: the object has the name "status" twice; the row is left out'),),
    ),
    "null in JSON": BadInputCase(
        lambda s: s.as_json(lambda rows: rows.__setitem__(4, "null")),
        4,
        (
            (
                "hr: row 5: null is not a usable object and is left out, so no record counts as"
                " removed"
            ),
        ),
    ),
    "several sheets": BadInputCase(
        with_two_sheets,
        2,
        (
            "sync.toml: sources.hr.path: hr.xlsx has several sheets",
            "found: hr, Old",
            'name the one to read: sheet = "hr"',
        ),
    ),
    "a protected workbook": BadInputCase(
        lambda s: s.instead("hr.xlsx", PROTECTED),
        2,
        ("sync.toml: sources.hr.path: hr.xlsx is protected with a password",),
    ),
    "a name twice in YAML": BadInputCase(
        lambda s: s.instead("hr.yaml", b"- employee_id: 1001\n  given: Ann\n  given: Anna\n"),
        2,
        ('sync.toml: sources.hr.path: hr.yaml, line 3: "given" occurs twice, in lines 2 and 3',),
    ),
    "a billion laughs": BadInputCase(
        lambda s: s.instead("hr.yaml", LAUGHS.encode()),
        2,
        (
            (
                "sync.toml: sources.hr.path: hr.yaml, line 7: its aliases make it expand"
                " without limit"
            ),
        ),
    ),
    "several files": BadInputCase(
        lambda s: s.instead("hr.zip", zipped(hr__csv="x", old__csv="x")),
        2,
        (
            "sync.toml: sources.hr.path: hr.zip contains several files",
            "found: hr.csv, old.csv",
            'name one of them: "hr.zip/hr.csv"',
        ),
    ),
    "a bomb": BadInputCase(
        lambda s: s.instead("hr.csv.gz", gzip.compress(b"employee_id\n" + b" " * 70_000_000)),
        2,
        (("sync.toml: sources.hr.path: hr.csv.gz has more than 67,108,864 bytes when unpacked"),),
    ),
    "a cut archive": BadInputCase(
        lambda s: s.instead(
            "hr.csv.gz", gzip.compress((s.office.folder / "hr.csv").read_bytes())[:-20]
        ),
        1,
        ("hr.csv.gz is cut off; is it still being written?",),
    ),
    "no file": BadInputCase(
        lambda s: (s.office.folder / "hr.csv").unlink(),
        1,
        ("sync.toml: sources.hr.path: there is no file hr.csv",),
    ),
    "a cut row": BadInputCase(
        lambda s: s.row("1008,.*\n", '1008,"Hug'),
        1,
        ("hr.csv ends in the middle of a row; is it still being written?",),
    ),
    "written meanwhile": BadInputCase(
        written_meanwhile, 1, ("hr.csv changed while it was read; is it still being written?",)
    ),
    "an empty file": BadInputCase(lambda s: s.bytes(lambda _: b""), 3, ("hr.csv is empty",)),
    "only a header": BadInputCase(lambda s: s.row(r"\d.*\n", ""), 3, ("hr.csv is empty",)),
    "half a file": BadInputCase(
        lambda s: s.row(r"100[5-8].*\n", ""),
        3,
        ('guard.min_records: source "hr" has 4 records, down from 8 (at least 7 required)',),
    ),
    "an expression that fails": BadInputCase(
        lambda s: s.row("(1005.*),2020-03-01", r"\1,soon"),
        4,
        (
            (
                "hr 1005: app: targets.app.scope: status == 'active' and start | date <= today:"
                ' "soon" is not a date such as 2026-11-24, 24.11.2026 or 20261124; other forms need'
                ' their format: date(\'%d %b %Y\') (status = "active", start = "soon")'
            ),
        ),
    ),
    "a text in a condition": BadInputCase(
        lambda s: (
            s.row("(employee_id,.*)", r"\1,is_admin")
            .row("(1005,.*)", r"\1,perhaps")
            .row(r"(100[1-46-9],.*)", r"\1,no")
            .setting("scope = .*", "scope = \"status == 'active' and 'Admin' not in access\"")
            .more('[access]\nAdmin = "is_admin"')
        ),
        4,
        (
            (
                'hr 1005: app: access.Admin: is_admin: is_admin is "perhaps", which is neither true'
                " nor false; compare it, as in status == 'active', or test with x != '' whether it"
                ' is filled (is_admin = "perhaps")'
            ),
        ),
    ),
    "no number": BadInputCase(
        lambda s: (
            s.row("(employee_id,.*)", r"\1,level")
            .row("(1005,.*)", r"\1,five")
            .row(r"(100[1-46-9],.*)", r"\1,")
            .setting("scope = .*", "scope = \"status == 'active' and 'Admin' not in access\"")
            .more('[access]\nAdmin = "level | int >= 5"')
        ),
        4,
        (
            (
                'hr 1005: app: access.Admin: level | int >= 5: "five" is not a number; | int(0)'
                ' uses 0 for anything else (level = "five")'
            ),
        ),
    ),
    "a list compared with a text": BadInputCase(
        lambda s: s.setting("key = .*", 'key = "employee_id"\nlists = { groups = ";" }').setting(
            "scope = .*", "scope = \"groups == 'Sales'\""
        ),
        2,
        (
            (
                "sync.toml: targets.app.scope: groups holds lists (lists in the source), which"
                " never equal a single value; write 'Sales' in groups"
            ),
        ),
    ),
    "no userName": BadInputCase(
        lambda s: s.row("1007,Gina,Grau,[^,]*", "1007,Gina,Grau,"),
        4,
        (
            (
                "hr 1007: app: targets.app.user.userName: email | lower: is empty, but"
                ' userName is required (email = "")'
            ),
        ),
    ),
    "a userName twice": BadInputCase(
        lambda s: s.row("(.*)Hugo.Holm@", r"\1Ann.Abel@"),
        4,
        ("hr 1008: app: userName ann.abel@example.com is taken by the account of 1001",),
    ),
    "more than one account": BadInputCase(
        another_account,
        4,
        ("hr 1001: app: ambiguous: 2 accounts match by externalId: …, …",),
        pushed=False,
    ),
    "an unknown key": BadInputCase(
        lambda s: s.setting("scope", "scop"),
        2,
        ("sync.toml: targets.app.scop: unknown key", 'did you mean "scope"?'),
    ),
    "an invalid expression": BadInputCase(
        lambda s: s.setting("displayName = .*", 'displayName = "given ~ ~ family"'),
        2,
        ('sync.toml: targets.app.user.displayName: unexpected "~"',),
    ),
    "a dotted path": BadInputCase(
        lambda s: s.setting('"name.givenName"', "name.givenName"),
        2,
        ("sync.toml: targets.app.user.name.givenName: a path with a dot must be in quotes",),
    ),
    "an unknown attribute": BadInputCase(
        lambda s: s.setting("title = .*", '"nmae.givenName" = "given"'),
        2,
        ('sync.toml: targets.app.user."nmae.givenName": no such attribute', 'did you mean "name"?'),
    ),
    "an unknown filter": BadInputCase(
        lambda s: s.setting("userName = .*", 'userName = "email | lowr"'),
        2,
        ('sync.toml: targets.app.user.userName: no filter "lowr"', 'did you mean "lower"?'),
    ),
    "an unknown rule": BadInputCase(
        lambda s: s.setting("scope = .*", "scope = \"'Staf' in access\"").more(
            "[access]\nStaff = \"status == 'active'\""
        ),
        2,
        ('sync.toml: targets.app.scope: no access rule "Staf"', 'did you mean "Staff"?'),
    ),
    "circular rules": BadInputCase(
        lambda s: s.setting("scope = .*", "scope = \"'A' in access\"").more(CIRCLE),
        2,
        ("sync.toml: access.A: access rules refer to each other in a cycle", "A -> B -> A"),
    ),
    "an unsupported dialect": BadInputCase(
        lambda s: s.setting("url = (.*)", r'url = \1\ndialect = "soap"'),
        2,
        ('sync.toml: targets.app.dialect: dialect "soap" is unknown',),
    ),
    "an unsupported format": BadInputCase(
        lambda s: s.instead("hr.pdf", b"%PDF"),
        2,
        ('sync.toml: sources.hr.path: hr.pdf: unknown extension ".pdf"',),
    ),
    "a value of the wrong kind": BadInputCase(
        lambda s: s.setting("title = .*", 'title = "[title, family]"'),
        4,
        (
            (
                "hr 1001: app: targets.app.user.title: [title, family]: it takes text, but the"
                " expression gave a list: …"
            ),
        ),
    ),
    "a value missing from a table": BadInputCase(
        lambda s: s.setting("title = .*", LOOKED_UP).more('[tables.titles]\nIT = "Engineer"'),
        4,
        (
            (
                "hr 1005: app: targets.app.user.title: department | lookup('titles'):"
                ' tables.titles has no "Sales" (department = "Sales")'
            ),
        ),
    ),
    "two sources": BadInputCase(
        two_sources,
        4,
        ("hr 1008: app: the sources hr, more each have a record",),
        pushed=False,
    ),
    "http": BadInputCase(
        lambda s: s.setting("url = .*", 'url = "http://app.example.com/scim/v2"'),
        2,
        (
            (
                "sync.toml: targets.app.url: must begin with https://; http is for this machine"
                " only (localhost, 127.0.0.1, ::1)"
            ),
        ),
    ),
    "no token": BadInputCase(
        without_token,
        2,
        (
            "sync.toml: targets.app.auth.token: the environment variable SCIM_TOKEN is not set",
            "export SCIM_TOKEN=…  (cron and systemd do not read your shell's profile)",
        ),
        pushed=False,
    ),
    "connection refused": BadInputCase(
        lambda s: s.setting("url = .*", 'url = "http://127.0.0.1:1/v2"'),
        1,
        ("app: GET /Users: cannot connect to 127.0.0.1: Connection refused",),
        pushed=False,
    ),
    "a refused token": BadInputCase(
        lambda s: s.setting("auth = .*", 'auth = { type = "bearer", token = "literal:wrong" }'),
        1,
        ("app: GET /Users: 401: …", "check the target's token and its permissions"),
        pushed=False,
    ),
    "no list of users": BadInputCase(
        lambda s: s.faulty.fail("GET", status=404, body={"detail": "nothing here"}),
        1,
        ("app: GET /Users: 404: …",),
        pushed=False,
    ),
    "a refused value": BadInputCase(
        answered(status=400, body={"scimType": "invalidValue", "detail": "no such department"}),
        4,
        ("app: update 1005: PATCH /Users/…: 400 invalidValue: no such department",),
    ),
    "out of order": BadInputCase(
        answered(status=500, times=5, body={"detail": "out of order"}),
        4,
        ("app: update 1005: PATCH /Users/…: 500: out of order",),
    ),
    "HTML": BadInputCase(
        answered(status=200, body=HTML),
        4,
        (
            (
                "app: update 1005: PATCH /Users/…: the response is not a JSON object (status 200,"
                " text/html): <!DOCTYPE html>…"
            ),
        ),
    ),
    "a redirect": BadInputCase(
        answered(status=302, headers={"Location": "https://login.example.com"}),
        4,
        (
            (
                "app: update 1005: PATCH /Users/…: redirects to https://login.example.com, and"
                " redirects are not followed (status 302, text/html)"
            ),
        ),
    ),
}


@pytest.fixture
def folder(office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> ExampleFolder:
    monkeypatch.setenv("SCIM_TOKEN", faulty.token)
    for name in ("hr.csv", "sync.toml"):
        shutil.copy(ROOT / "examples" / "first" / name, office.folder)
    made = ExampleFolder(office, faulty, monkeypatch)
    made.setting(r"\[targets\.wiki", "[targets.app")
    made.setting("url = .*", f'url = "{faulty.url}"')
    made.setting("auth = .*", 'auth = { type = "bearer", token = "env:SCIM_TOKEN" }')
    return made


@pytest.mark.parametrize("what", CASES)
def test_the_program_prints_the_message_of_the_page(folder: ExampleFolder, what: str) -> None:
    case = CASES[what]
    if case.pushed:
        assert folder.office.run("push").code == 0
    with ExitStack() as stack:
        active = case.setup(folder)
        if isinstance(active, AbstractContextManager):
            stack.enter_context(active)

        ran = folder.office.run("push")

    assert ran.code == case.code, ran.err
    for message in case.messages:
        assert re.search(".+".join(map(re.escape, message.split("…"))), ran.err), ran.err


def test_the_page_shows_exactly_these_messages() -> None:
    shown = set(re.findall(r"`([^`\n]+)`", PAGE.replace("\\|", "|")))
    made = {message for case in CASES.values() for message in case.messages}

    assert made - shown == set()
    assert {
        text
        for text in shown
        if re.match(r"sync\.toml: |hr: |hr \w|hr\.csv |app: |did you mean", text)
    } - made == set()
