"""What a person reads when sync.toml is wrong: the whole text, and exit code 2."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scimsync.builtin import parse
from scimsync.errors import ConfigError
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.profiles import PROFILES
from scimsync.sources.kinds import SOURCES
from scimsync.tomltext import toml_key, toml_string
from tests.error_text import text_of

SOURCE = '[sources.hr]\ntype = "file"\npath = "hr.csv"\nkey = "employee_id"\n'
CRM = '[sources.crm]\ntype = "file"\npath = "crm.csv"\nkey = "id"\n'
URL = 'url = "https://wiki.example.com/scim/v2"\n'
AUTH = 'auth = { type = "bearer", token = "env:WIKI_TOKEN" }\n'
USER = '[targets.wiki.user]\nuserName = "email"\n'
TARGET = f"[targets.wiki]\n{URL}{AUTH}"
GOOD = SOURCE + TARGET + USER
JARGON = re.compile(
    r"input"
    r" should|union|extra_forbidden|_type|literal_error|validat|pydantic|traceback"
    r"|NoneType|dict\b|str\b|greater_than"
)


def complaint(text: str) -> str:
    """What is printed for the sync.toml `text`, after a look at the exit code."""
    with pytest.raises(ConfigError) as caught:
        parse(text, Path("sync.toml"))
    assert caught.value.exit_code == 2
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert not JARGON.search(str(caught.value))
    return text_of(caught.value)


def in_target(line: str) -> str:
    return complaint(SOURCE + TARGET + line + "\n" + USER)


def in_user(line: str) -> str:
    return complaint(GOOD + line + "\n")


def in_source(line: str) -> str:
    return complaint(SOURCE + line + "\n" + TARGET + USER)


def with_auth(auth: str) -> str:
    return complaint(f"{SOURCE}[targets.wiki]\n{URL}auth = {auth}\n{USER}")


def lines(*expected: str) -> str:
    return "\n".join(expected)


# Keys and tables


def test_an_unknown_key_is_named_with_the_key_that_was_meant() -> None:
    assert in_target("scop = \"status == 'active'\"") == lines(
        "sync.toml: targets.wiki.scop: unknown key", '  did you mean "scope"?'
    )


def test_an_unknown_key_like_no_other_gets_the_list() -> None:
    assert in_source("colour = 1") == lines(
        "sync.toml: sources.hr.colour: unknown key",
        "  known here: type, key, path, query, lists, encoding, delimiter, skip, headers, comment,"
        " trim, sheet, where, pick",
    )


def test_an_unknown_key_deep_down() -> None:
    assert in_target('leave = { acton = "keep" }') == lines(
        "sync.toml: targets.wiki.leave.acton: unknown key", '  did you mean "action"?'
    )


def test_a_misspelt_table_is_one_problem_not_two() -> None:
    assert complaint(GOOD.replace("[targets.", "[target.")) == lines(
        "sync.toml: target: unknown key", '  did you mean "targets"?'
    )


def test_a_misspelt_required_key_is_one_problem_not_two() -> None:
    assert complaint(GOOD.replace("key =", "keys =")) == lines(
        "sync.toml: sources.hr.keys: unknown key", '  did you mean "key"?'
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (
            'displayName = "x"',
            (
                "sync.toml: targets.wiki.groups.staff: needs each, members, or source\n "
                " write members = \"'Admin' in access\""
            ),
        ),
        (
            'each = "department"',
            (
                "sync.toml: targets.wiki.groups.staff: displayName is missing\n"
                '  write displayName = "value", or { value = "Administrators" }'
            ),
        ),
        (
            'each = "department"\nmembers = "true"\ndisplayName = "value"',
            (
                "sync.toml: targets.wiki.groups.staff: has each and members; only one is allowed\n"
                "  each: a group for each value; its members are the users who have it"
            ),
        ),
        (
            'memers = "true"\ndisplayName = "value"',
            'sync.toml: targets.wiki.groups.staff.memers: unknown key\n  did you mean "members"?',
        ),
        (
            'source = "team"\ndisplayName = "name"',
            'sync.toml: targets.wiki.groups.staff.source: no source "team"\n  found: hr',
        ),
        (
            'each = "department"\ndisplayName = "value"\nsubgroups = "x"',
            "sync.toml: targets.wiki.groups.staff: subgroups needs source",
        ),
        (
            'each = "department"\ndisplayName = ["x"]',
            (
                "sync.toml: targets.wiki.groups.staff.displayName: a list is not a constant here\n"
                "  write it as an expression: \"['one', 'two']\""
            ),
        ),
        (
            'each = "department"\ndisplayName = "value"\nleave = { action = "drop" }',
            (
                'sync.toml: targets.wiki.groups.staff.leave.action: "drop" is not one of delete,'
                " empty, keep"
            ),
        ),
    ],
)
def test_a_group_that_cannot_be(body: str, message: str) -> None:
    assert complaint(GOOD + f"[targets.wiki.groups.staff]\n{body}\n") == message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "",
            (
                "sync.toml: 2 problems\n  sync.toml: there is no [sources.NAME]; scimsync init"
                " hr.csv writes a file to start from\n  sync.toml: there is no [targets.NAME];"
                " scimsync init hr.csv writes a file to start from"
            ),
        ),
        (
            SOURCE,
            (
                "sync.toml: there is no [targets.NAME]\n  scimsync init hr.csv writes a file to"
                " start from"
            ),
        ),
        (SOURCE + "[targets]\n", "sync.toml: targets: there is no [targets.NAME]"),
        (
            SOURCE + f"[targets]\n{URL}{AUTH}",
            (
                "sync.toml: targets: url is outside of any [targets.NAME]\n"
                "  give it a name: write [targets.NAME]"
            ),
        ),
        (
            SOURCE + f"[[targets]]\n{URL}",
            "sync.toml: targets: must be a table, not a list\n  write [targets.NAME]",
        ),
        (
            TARGET.replace("[targets.wiki]", "[targets.wiki]") + USER + "[sources]\nhr = 'x'\n",
            (
                "sync.toml: sources: hr is outside of any [sources.NAME]\n"
                "  give it a name: write [sources.NAME]"
            ),
        ),
    ],
)
def test_sections_that_are_missing_or_not_named(text: str, expected: str) -> None:
    assert complaint(text) == expected


@pytest.mark.parametrize(
    ("left_out", "place", "hint"),
    [
        (URL, "targets.wiki: url is missing", 'write url = "https://app.example.com/scim/v2"'),
        (
            AUTH,
            "targets.wiki: auth is missing",
            'write auth = { type = "bearer", token = "env:APP_TOKEN" }',
        ),
        (
            USER,
            "targets.wiki: user is missing",
            'write a table [targets.NAME.user] with lines such as userName = "email"',
        ),
        (
            'type = "file"\n',
            "sources.hr: type is missing",
            "write type = " + " or ".join(f'"{kind}"' for kind in SOURCES),
        ),
        (
            'key = "employee_id"\n',
            "sources.hr: key is missing",
            'write key = "employee_id"',
        ),
        ('path = "hr.csv"\n', "sources.hr: path is missing", 'write path = "hr.csv"'),
    ],
)
def test_a_required_key_that_is_missing(left_out: str, place: str, hint: str) -> None:
    assert complaint(GOOD.replace(left_out, "")) == f"sync.toml: {place}\n  {hint}"


def test_a_path_that_no_file_can_have() -> None:
    assert (
        complaint(GOOD.replace("hr.csv", "hr\\u0000.csv"))
        == "sync.toml: sources.hr.path: a file name cannot contain a NUL character"
    )


@pytest.mark.parametrize("table", ["sources", "targets", "access", "tables"])
def test_names_are_plain(table: str) -> None:
    entry = {
        "sources": SOURCE.replace("sources.hr", 'sources."h r"'),
        "targets": (
            TARGET.replace("targets.wiki", 'targets."h r"')
            + USER.replace("targets.wiki", 'targets."h r"')
        ),
        "access": '[access]\n"h r" = true\n',
        "tables": '[tables."h r"]\n',
    }[table]
    assert (
        complaint(GOOD + entry)
        == f'sync.toml: {table}."h r": a name consists of letters (a to z), digits, - _ and .'
    )


def test_several_problems_are_told_at_once_one_line_each() -> None:
    text = (
        SOURCE + TARGET + 'scop = "x"\nleave = { action = "remove" }\nrate = 0\ncolour = 1\n' + USER
    )
    assert complaint(text) == lines(
        "sync.toml: 4 problems",
        '  sync.toml: targets.wiki.leave.action: "remove" is not one of deactivate, delete, keep',
        "  sync.toml: targets.wiki.rate: must be more than 0, found 0",
        '  sync.toml: targets.wiki.scop: unknown key; did you mean "scope"?',
        "  sync.toml: targets.wiki.colour: unknown key; known here: type, url, profile, dialect,"
        " auth, source, scope, match, protect, leave, unmanaged, rate, concurrency, bulk, actions,"
        " timeout, extends, user, groups",
    )


# Sources


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ('"fax"', f'type of source "fax" is unknown\n  known: {", ".join(SOURCES)}'),
        (
            '"File"',
            f'type of source "File" is unknown\n  known: {", ".join(SOURCES)}\n'
            '  did you mean "file"?',
        ),
        ("3", "must be a string in quotes, not a number"),
    ],
)
def test_of_a_source_of_another_type_only_the_type_is_said(kind: str, message: str) -> None:
    text = f'[sources.hr]\ntype = {kind}\nurl = "ldaps://dc.example.com"\n' + TARGET + USER
    assert complaint(text) == f"sync.toml: sources.hr.type: {message}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'query = "select 1"',
            (
                "sources.hr: has both path and query; only one is allowed\n  "
                "a query names its files itself"
            ),
        ),
        (
            'encoding = "klingon"',
            (
                'sources.hr.encoding: "klingon" is not an encoding\n  such as "utf-8", "latin-1",'
                ' "utf-16"'
            ),
        ),
        (
            'encoding = "hex"',
            'sources.hr.encoding: "hex" is not an encoding\n  such as "utf-8", "latin-1", "utf-16"',
        ),
        (
            'delimiter = "||"',
            'sources.hr.delimiter: must be one character\n  such as ";", or "\\t" for a tab',
        ),
        (
            'lists = { groups = "" }',
            "sources.hr.lists.groups: must be the separator between two values\n"
            '  such as ";", or "\\n" for one value in a line',
        ),
        (
            'lists = { groups = { format = "xml" } }',
            "sources.hr.lists.groups: is not a form of lists\n"
            '  such as ";", "\\n" for one value in a line, or { format = "json" }',
        ),
        (
            "lists = { groups = 1 }",
            "sources.hr.lists.groups: must be the separator between two"
            ' values\n  such as ";", or { format = "json" }',
        ),
        ('lists = "groups"', "sources.hr.lists: must be a table, not a text"),
    ],
)
def test_keys_of_a_source(line: str, expected: str) -> None:
    assert in_source(line) == f"sync.toml: {expected}"


@pytest.mark.parametrize("key", ["key", "path"])
def test_empty_texts_of_a_source(key: str) -> None:
    assert (
        complaint(re.sub(rf'(?m)^{key} = ".*"', f'{key} = " "', GOOD))
        == f"sync.toml: sources.hr.{key}: must not be empty"
    )


def test_a_target_that_names_no_source_that_there_is() -> None:
    assert complaint(CRM + SOURCE + TARGET + 'source = "hrr"\n' + USER) == lines(
        'sync.toml: targets.wiki.source: no source "hrr"',
        "  found: crm, hr",
        '  did you mean "hr"?',
    )


def test_a_target_that_must_choose_its_source() -> None:
    assert complaint(CRM + GOOD) == lines(
        "sync.toml: targets.wiki: source is missing; there are 2 to choose from",
        "  found: crm, hr",
        '  write source = "crm"',
    )


# State, guard, durations, numbers

SQLITE = (
    'write "sqlite:///scimsync.db" (beside sync.toml) or "sqlite:////var/lib/scimsync/scimsync.db"'
)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            '"mysql://ann:s3cr3t@db.example.com"',
            "this is not the URL of a SQLite file or of a PostgreSQL database",
        ),
        ('"scimsync.db"', "this is not the URL of a SQLite file or of a PostgreSQL database"),
        (
            '"sqlite://scimsync.db"',
            "this is not the URL of a SQLite file or of a PostgreSQL database",
        ),
        ('"sqlite:///"', "names no file: the state must outlive the run"),
        ('"sqlite:///:memory:"', "names no file: the state must outlive the run"),
        ('"sqlite:///state/"', "names no file: the state must outlive the run"),
        (
            '"sqlite:///a.db?mode=ro"',
            ("the name of the file must not contain ? or control characters"),
        ),
        ("3", "must be a URL in quotes, not a number"),
    ],
)
def test_where_the_state_cannot_be(url: str, message: str) -> None:
    printed = complaint(f"[state]\nurl = {url}\n" + GOOD)
    assert printed == f"sync.toml: state.url: {message}\n  {SQLITE}"
    assert "s3cr3t" not in printed


@pytest.mark.parametrize(
    "url", ["postgres://ann:s3cr3t@db.example.com", "postgresql://a b/c", "postgresql://h:port/x"]
)
def test_a_database_that_cannot_be_meant(url: str) -> None:
    printed = complaint(f'[state]\nurl = "{url}"\n' + GOOD)
    assert printed.startswith("sync.toml: state.url: this is not ")
    assert "~/.pgpass or PGPASSWORD holds the password" in printed
    assert "s3cr3t" not in printed


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ('"10"', '"10" is neither a whole number nor a percentage'),
        ('"many"', '"many" is neither a whole number nor a percentage'),
        ('"-5%"', '"-5%" is neither a whole number nor a percentage'),
        ("0.1", "0.1 is neither a whole number nor a percentage"),
        ("true", "true is neither a whole number nor a percentage"),
        ("-1", "-1 is less than 0"),
        ('"101%"', '"101%" is more than 100%'),
    ],
)
@pytest.mark.parametrize("name", ["max_removals", "max_updates", "min_records"])
def test_limits_of_the_guard(name: str, limit: str, message: str) -> None:
    assert complaint(f"[guard]\n{name} = {limit}\n" + GOOD) == lines(
        f"sync.toml: guard.{name}: {message}",
        ('  write a number (25) or a percentage in quotes ("10%")'),
    )


DURATION = 'write "30d": a whole number and h (hours), d (days) or w (weeks)'


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'leave = { action = "remove" }',
            'leave.action: "remove" is not one of deactivate, delete, keep',
        ),
        (
            'leave = { action = "Delete" }',
            (
                'leave.action: "Delete" is not one of deactivate, delete, keep\n  did you mean'
                ' "delete"?'
            ),
        ),
        (
            "leave = { action = 1 }",
            "leave.action: must be one of deactivate, delete, keep, not a number",
        ),
        ('leave = "keep"', "leave: must be a table, not a text"),
        (
            "leave = { delete_after = 30 }",
            f"leave.delete_after: must be a duration in quotes, not a number\n  {DURATION}",
        ),
        (
            'leave = { delete_after = "30 days" }',
            f'leave.delete_after: "30 days" is not a duration\n  {DURATION}',
        ),
        (
            'leave = { delete_after = "-1d" }',
            f'leave.delete_after: "-1d" is not a duration\n  {DURATION}',
        ),
        (
            'leave = { delete_after = "999999w" }',
            f'leave.delete_after: "999999w" is more than ten years\n  {DURATION}',
        ),
        (
            'leave = { action = "delete", delete_after = "1d" }',
            (
                'leave: delete_after has no effect with action = "delete"\n  it needs action ='
                ' "deactivate"'
            ),
        ),
        ("rate = 0", "rate: must be more than 0, found 0"),
        ("rate = -2.5", "rate: must be more than 0, found -2.5"),
        ("rate = inf", "rate: must be a number, not nan or inf"),
        ('rate = "25"', "rate: must be a number, not a text\n  write the number without quotes"),
        ("concurrency = 0", "concurrency: must be at least 1, found 0"),
        (
            'bulk = "true"',
            'bulk: must be true, false, or "auto", not "true"\n  write it without quotes',
        ),
        ("concurrency = 1000", "concurrency: must be at most 256, found 1000"),
        ("concurrency = 2.5", "concurrency: must be a whole number, not 2.5"),
        ("timeout = 0", "timeout: must be more than 0, found 0"),
        ("timeout = 2024-01-01", "timeout: must be a number, not a date or time"),
        ("actions = { remove = 0 }", "actions.remove: must be true or false, not a number"),
        (
            'actions = { remove = "false" }',
            "actions.remove: must be true or false, not a text\n  write false without quotes",
        ),
        (
            "actions = { delete = false }",
            "actions.delete: unknown key\n  known here: create, update, remove",
        ),
        ("scope = 3", "scope: must be a string in quotes, not a number\n  put it in quotes"),
        ('scope = ""', "scope: must not be empty"),
        ("match = []", "match: must not be an empty list"),
        ('match = ["userName", "userName"]', 'match: contains "userName" twice'),
        ('match = ["userName", 3]', "match: holds a number; all items must be strings in quotes"),
        ('match = [""]', "match: contains an empty string"),
        ("source = 3", "source: must be a string or a list of strings, not a number"),
        (
            'profile = "general"',
            f'profile: profile "general" is unknown\n  known: {len(PROFILES)} names, listed by'
            ' scimsync profiles\n  did you mean "generic"?',
        ),
        ('dialect = "soap"', 'dialect: dialect "soap" is unknown\n  known: ' + ", ".join(DIALECTS)),
        ("dialect = 3", "dialect: must be a string in quotes, not a number"),
    ],
)
def test_keys_of_a_target(line: str, expected: str) -> None:
    assert in_target(line) == f"sync.toml: targets.wiki.{expected}"


# URLs

NOT_HTTPS = "must begin with https://; http is for this machine only (localhost, 127.0.0.1, ::1)"
HTTPS = 'write "https://app.example.com/scim/v2", as the app\'s SCIM settings show it'


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "wiki.example.com/scim",
            f"this is not a URL that begins with https:// and names a host\n  {HTTPS}",
        ),
        (
            "ftp://wiki.example.com",
            f"this is not a URL that begins with https:// and names a host\n  {HTTPS}",
        ),
        (
            "https:///scim",
            f"this is not a URL that begins with https:// and names a host\n  {HTTPS}",
        ),
        (
            "https://wiki.example.com/s cim",
            f"this is not a URL that begins with https:// and names a host\n  {HTTPS}",
        ),
        ("https://wiki.example.com:99999/", f"this is not a URL\n  {HTTPS}"),
        ("https://[::1/scim", f"this is not a URL\n  {HTTPS}"),
        (
            "http://wiki.example.com/scim",
            f"{NOT_HTTPS}\n  {HTTPS}",
        ),
        (
            "http://localhost.example.com/scim",
            f"{NOT_HTTPS}\n  {HTTPS}",
        ),
        (
            "https://ann:s3cr3t@wiki.example.com/scim",
            "a URL here must not contain a user or a password\n  secrets go into auth",
        ),
        (
            "https://wiki.example.com/scim?token=s3cr3t",
            "a URL here must not contain a query (?…)\n  remove the part from ? on",
        ),
        (
            "https://wiki.example.com/scim#s3cr3t",
            "a URL here must not contain a fragment (#…)\n  remove the part from # on",
        ),
    ],
)
def test_urls_of_targets(url: str, message: str) -> None:
    printed = complaint(GOOD.replace("https://wiki.example.com/scim/v2", url))
    assert printed == f"sync.toml: targets.wiki.url: {message}"
    assert "s3cr3t" not in printed


# Authentication: whatever is wrong, its text is not repeated

UNKNOWN_TYPE = (
    "this type of authentication is unknown (it is not shown here)"
    "\n  known: bearer, basic, header, oauth2, login"
)
FORMS = "write env:NAME, file:PATH, keyring:SERVICE/USER, cmd:COMMAND or literal:TOKEN"


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ('"s3cr3t"', "auth: must be a table, not a text"),
        ('{ type = "bearer" }', 'auth: token is missing\n  write token = "env:APP_TOKEN"'),
        (
            '{ token = "env:X" }',
            (
                'auth: type is missing\n  write type = "bearer" or "basic" or "header" or "oauth2"'
                ' or "login"'
            ),
        ),
        (
            '{ type = "oauth2", token_url = "https://login.example.com/token" }',
            'auth: client_id is missing\n  write client_id = "my-client-id"',
        ),
        (
            '{ type = "basic", password = "env:X" }',
            'auth: username is missing\n  write username = "provisioning"',
        ),
        (
            '{ type = "bearer", token = "env:X", token_expires = "soon" }',
            "auth.token_expires: must be a date\n"
            "  write token_expires = 2027-03-31, without quotes",
        ),
        (
            '{ type = "digest", client_id = "s3cr3t" }',
            f"auth.type: {UNKNOWN_TYPE}",
        ),
        (
            '{ type = "s3cr3t", token = "env:X" }',
            f"auth.type: {UNKNOWN_TYPE}",
        ),
        (
            '{ type = "bearer", token = "s3cr3t" }',
            (
                "auth.token: must be a reference to a secret (its value is not shown here)\n"
                f"  {FORMS}"
            ),
        ),
        (
            '{ type = "bearer", token = "s3cr3t:with:colons" }',
            (
                "auth.token: must be a reference to a secret (its value is not shown here)\n"
                f"  {FORMS}"
            ),
        ),
        (
            '{ type = "bearer", token = ["s3cr3t"] }',
            f"auth.token: must be a string in quotes\n  {FORMS}",
        ),
        (
            '{ type = "bearer", token = "env:" }',
            f"auth.token: nothing follows env:\n  {FORMS}",
        ),
        (
            '{ type = "bearer", token = "env:s3cr3t.x-y" }',
            (
                "auth.token: the text after env: is not the name of an environment variable\n "
                ' such as "env:WIKI_TOKEN"'
            ),
        ),
        (
            '{ type = "bearer", token = "keyring:s3cr3t" }',
            'auth.token: keyring: needs a service and a user\n  such as "keyring:scimsync/wiki"',
        ),
        (
            '{ type = "bearer", token = "cmd:pass \'s3cr3t" }',
            (
                "auth.token: the text after cmd: is not a command; check its quotes\n  such as"
                ' "cmd:pass show wiki"'
            ),
        ),
        (
            '{ type = "bearer", token = "env:X", tokn = "s3cr3t" }',
            'auth.tokn: unknown key\n  did you mean "token"?',
        ),
    ],
)
def test_authentication(auth: str, expected: str) -> None:
    printed = with_auth(auth)
    assert printed == f"sync.toml: targets.wiki.{expected}"
    assert "s3cr3t" not in printed


# Mapping

ENTRY = (
    'write an expression in quotes, or { value = "…" }, { expr = "…", once = true } or { generate ='
    " 32 }"
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'title = ""',
            (
                "title: the expression is empty\n  if scimsync should not "
                "manage the attribute, omit its line"
            ),
        ),
        (
            'title = { expr = "" }',
            (
                "title.expr: the expression is empty\n  if scimsync should not "
                "manage the attribute, omit its line"
            ),
        ),
        (
            'title = { value = "" }',
            (
                "title.value: must not be empty\n  if scimsync should not "
                "manage the attribute, omit its line"
            ),
        ),
        (
            "title = { value = {} }",
            "title.value: must be a string, a number, true or false, not a table",
        ),
        ("title = { expr = 3 }", "title.expr: must be an expression in quotes, not a number"),
        ('title = { expr = "x", once = 1 }', "title.once: must be true or false, not a number"),
        ('title = { exp = "x" }', 'title.exp: unknown key\n  did you mean "expr"?'),
        ('title = { value = "x", colour = 1 }', f"title.colour: unknown key\n  {ENTRY}"),
        (
            'title = { value = "x", expr = "y" }',
            f"title: has both value and expr; only one is allowed\n  {ENTRY}",
        ),
        ("title = { once = true }", f"title: needs value, expr, or generate\n  {ENTRY}"),
        ("title = {}", f"title: needs value, expr, or generate\n  {ENTRY}"),
        (
            'roles = ["a"]',
            "roles: a list is not a constant here\n  write it as an expression: \"['one', 'two']\"",
        ),
        (
            "title = 2024-01-01",
            (
                "title: must be a string, a number, true or false, not a "
                "date or time\n  write dates"
                " in quotes"
            ),
        ),
        ("title = nan", "title: nan and inf cannot be sent"),
        ("title = 99999999999999999999", "title: this number is too large"),
        (
            "password = { generate = 4 }",
            "password.generate: must be from 8 to 256 characters, not 4",
        ),
        (
            "password = { generate = 257 }",
            "password.generate: must be from 8 to 256 characters, not 257",
        ),
        (
            'password = { generate = "long" }',
            "password.generate: must be a number of characters, not a text",
        ),
        (
            "password = { generate = true }",
            "password.generate: must be a number of characters, not true or false",
        ),
        (
            "password = { generate = 32, once = false }",
            "password.once: a generated value is always sent only once\n  leave once out",
        ),
        (
            'name.givenName = "given"',
            'name.givenName: a path with a dot must be in quotes\n  write "name.givenName" = …',
        ),
        ('"" = "given"', "an attribute without a name"),
    ],
)
def test_mapping_entries(line: str, expected: str) -> None:
    separator = ": " if line.startswith('""') else "."
    assert in_user(line) == f"sync.toml: targets.wiki.user{separator}{expected}"


@pytest.mark.parametrize("table", ["[targets.wiki.user]\n", "user = {}\n"])
def test_a_mapping_maps_something(table: str) -> None:
    assert complaint(SOURCE + TARGET + table) == lines(
        "sync.toml: targets.wiki.user: maps no attribute", '  write at least userName = "…"'
    )


def test_a_mapping_is_a_table() -> None:
    assert in_target('user = "email"\n').splitlines()[0].startswith("sync.toml:")
    assert complaint(SOURCE + TARGET + 'user = "email"\n') == lines(
        "sync.toml: targets.wiki.user: must be a table, not a text",
        "  write [targets.NAME.user] above the lines",
    )


def test_tables_for_lookup_hold_no_dates_or_tables() -> None:
    assert complaint(GOOD + "[tables.t]\na = 2024-01-01\n") == lines(
        "sync.toml: tables.t.a: must be a string, a number, true or false, not a date or time",
        "  write dates in quotes",
    )
    assert (
        complaint(GOOD + "[tables.t]\na = { b = 1 }\n")
        == "sync.toml: tables.t.a: must be a string, a number, true or false, not a table"
    )


# TOML itself


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            '[sources.hr\ntype = "file"\n',
            (
                "sync.toml:1:12: expected ']' at the end of a table declaration\n"
                "  1 | [sources.hr\n"
                "                 ^"
            ),
        ),
        (
            'a = 1\nb = "x" y\n',
            (
                "sync.toml:2:9: expected newline or end of document after a statement\n"
                '  2 | b = "x" y\n'
                "              ^"
            ),
        ),
        (
            "a = 1\r\na = 2\r\n",
            "sync.toml:2:6: this key is defined a second time here\n  2 | a = 2\n           ^",
        ),
        (
            "[a.b]\n[a.b]\n",
            (
                "sync.toml:2:5: the table [a.b] is defined a second time here\n"
                "  2 | [a.b]\n          ^"
            ),
        ),
        (
            "[t]\nx = '''one\ntwo\n",
            (
                "sync.toml:3: expected \"'''\"\n"
                "  the file ends too early: look for a bracket or quote left open"
            ),
        ),
        (
            'urn:ietf:User:department = "department"\n',
            (
                "sync.toml:1:4: expected '=' after a key in a key/value pair\n  1 |"
                ' urn:ietf:User:department = "department"\n         ^\n  a path with : or [ must'
                ' be in quotes: \'emails[type eq "work"].value\' = "email"'
            ),
        ),
        (
            'emails[type eq "work"].value = "email"\n',
            (
                "sync.toml:1:7: expected '=' after a key in a key/value pair\n  1 | emails[type"
                ' eq "work"].value = "email"\n            ^\n  a path with : or [ must be in'
                ' quotes: \'emails[type eq "work"].value\' = "email"'
            ),
        ),
    ],
)
def test_a_syntax_error_shows_its_line(text: str, expected: str) -> None:
    assert complaint(text) == expected


def test_a_long_line_is_cut_around_the_fault() -> None:
    printed = complaint("a = [" + "1, " * 200 + "x]\n")
    assert all(len(line) <= 80 for line in printed.splitlines())
    shown, mark = printed.splitlines()[1:]
    assert shown[mark.index("^")] == "x"


@pytest.mark.parametrize(
    "line",
    [
        'token = "s3cr3t',
        'auth = { type = "bearer", token = "s3cr3t" x',
        "x = ['literal:s3cr3t' 1]",
        "password = s3cr3t",
    ],
)
def test_a_line_that_may_hold_a_secret_is_not_shown(line: str) -> None:
    printed = complaint(line + "\n")
    assert printed.startswith("sync.toml:1:")
    assert printed.endswith("1 | (not shown: this line may contain a secret)")
    assert "s3cr3t" not in printed


@pytest.mark.parametrize("text", ["a = " + "[" * 100_000, "a = " + "9" * 10_000])
def test_monsters_are_refused_calmly(text: str) -> None:
    assert complaint(text).startswith("sync.toml")


# Whatever is written, the answer is for people

LEAVES = st.one_of(
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "file",
            "bearer",
            "env:X",
            "30d",
            "10%",
            "https://x.example.com",
            "keep",
            "rfc",
            "{message}",
        ]
    ),
    st.dates(),
)
WORDS = """
    state sources access guard tables targets hr wiki type path query key lists encoding delimiter
    url auth token profile dialect source scope match leave action delete_after rate concurrency
    actions create timeout user groups expr value
    once generate userName max_removals min_records [key]"""
KEYS = st.sampled_from(WORDS.split()) | st.text(max_size=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
SECTION = st.fixed_dictionaries(
    {},
    optional={
        "sources": VALUES | st.dictionaries(KEYS, VALUES, max_size=2),
        "targets": (
            VALUES
            | st.dictionaries(
                KEYS,
                st.fixed_dictionaries(
                    {"url": VALUES, "auth": VALUES, "user": VALUES},
                    optional={"leave": VALUES, "actions": VALUES, "rate": LEAVES},
                ),
                max_size=2,
            )
        ),
        "guard": VALUES,
        "state": VALUES,
        "access": VALUES,
        "tables": VALUES,
    },
)


def inline(value: Any) -> str:
    """`value` as TOML on one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return toml_string(value)
        case list():
            return f"[{', '.join(map(inline, value))}]"
        case dict():
            return (
                "{"
                + ", ".join(f"{toml_key(key)} = {inline(item)}" for key, item in value.items())
                + "}"
            )
    return str(value)


@given(SECTION)
@example({"sources": {"[key]": {"[key]": 1}}, "targets": {"{message}": {"{message}": "{message}"}}})
def test_any_nonsense_gets_words_not_jargon(document: dict[str, Any]) -> None:
    text = "".join(f"{toml_key(key)} = {inline(value)}\n" for key, value in document.items())
    with pytest.raises(ConfigError) as caught:
        parse(text, Path("sync.toml"))
    printed = str(caught.value)
    assert printed.startswith("sync.toml")
    assert "this value cannot be used here" not in printed
    assert not re.search(
        r"input should|extra_forbidden|pydantic|_type\b|validator|expected argument",
        printed,
        re.IGNORECASE,
    )
