"""`scimsync check` finds what would fail a push."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from typing import Any

import pytest

from scimsync.cli.commands.check.schema_fit import Misfit, misfits
from scimsync.scim.declarations import read_schemas
from tests.office import USER, Office, people
from tests.servers.faulty import HTML, FaultyServer

Json = dict[str, Any]


def found(office: Office, *arguments: str) -> tuple[int, list[Json]]:
    """Return the exit code and the results."""
    document = office.run("check", "--json", *arguments).document
    return document["exit_code"], document["findings"]


def bad(findings: list[Json]) -> list[tuple[str, str, str]]:
    """Return (level, name, message) of warnings and errors."""
    return [(one["level"], one["name"], one["message"]) for one in findings if one["level"] != "ok"]


def test_check_passes_against_a_real_server(real_office: Office) -> None:
    real_office.hire(people(3))
    before = sorted(path.name for path in real_office.folder.iterdir())
    code, findings = found(real_office)
    assert (code, bad(findings)) == (0, [])
    said = [one["message"] for one in findings if one["area"] in ("source", "target")]
    assert said == [
        "hr.csv: 3 records, 6 columns, 5 of them used",
        "token from env:WIKI_TOKEN",
        "responds and accepts the token; 0 users",
        "supports PATCH, filter (at most 1,000 results), ETags, bulk, sort",
        "its schemas have the 9 mapped attributes",
    ]
    assert sorted(path.name for path in real_office.folder.iterdir()) == before, "nothing is stored"


def test_text_groups_results_and_ends_with_a_summary(real_office: Office) -> None:
    real_office.hire(people(3))
    ran = real_office.run("check")
    assert (ran.code, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert lines[0] == "configuration sync.toml"
    assert "source hr" in lines
    at = lines.index("  ok       hr.csv: 3 records, 6 columns, 5 of them used")
    assert lines[at + 1].strip() == "columns: id, email, given, family, dept, manager"
    assert lines[at + 2].strip() == "first key: 00001"
    assert lines[-1] == "no problems found"


def test_columns_in_use_are_not_counted_where_a_target_has_an_error(office: Office) -> None:
    office.hire(people(3))
    office.configure(more='[targets.wiki.groups.teams]\neach = "dept"\ndisplayName = "valu"\n')

    _, findings = found(office)

    said = {one["area"]: one["message"] for one in reversed(findings)}
    assert said["source"] == "hr.csv: 3 records, 6 columns"
    assert said["target"] == (
        "sync.toml: targets.wiki.groups.teams.displayName:"
        ' no column "valu" here: a group of each has only value'
    )


UNTOLD = "cannot tell whether the mapping fits:"


def test_quiet_prints_nothing_if_there_are_no_problems(real_office: Office) -> None:
    real_office.hire(people(3))
    ran = real_office.run("check", "-q")
    assert (ran.code, ran.out, ran.err) == (0, "", "")


def test_attributes_unknown_to_the_target_are_warnings(real_office: Office) -> None:
    real_office.configure(user=USER + '"urn:example:2.0:User:badge" = "id"\n')
    real_office.hire(people(1))
    code, findings = found(real_office)
    assert code == 0
    (warning,) = [one for one in findings if one["level"] == "warning"]
    assert warning["message"] == "1 attribute is unknown to the target"
    assert warning["details"] == ["urn:example:2.0:User:badge: unknown schema urn:example:2.0:User"]


def test_a_target_without_discovery_is_a_warning(office: Office) -> None:
    office.hire(people(1))
    code, findings = found(office)
    assert code == 0
    assert bad(findings) == [
        ("warning", "wiki", "declares no capabilities (/ServiceProviderConfig)"),
        ("warning", "wiki", f"{UNTOLD} its schemas cannot be read: GET /Schemas: 404: no /Schemas"),
    ]


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (
            {"status": 401, "body": {"detail": "who?"}},
            "refuses the token: GET /Users: 401: who?",
        ),
        (
            {"status": 403, "body": {"detail": "not you"}},
            "the token may not read users: GET /Users: 403: not you",
        ),
        (
            {"status": 200, "body": HTML},
            "no SCIM service found: GET /Users: the response is not a JSON object",
        ),
        (
            {"status": 503, "body": {"detail": "later"}},
            "unexpected response: GET /Users: 503: later",
        ),
    ],
)
def test_an_error_of_a_target_says_what_is_wrong(
    office: Office, faulty: FaultyServer, fault: Json, said: str
) -> None:
    office.hire(people(1))
    faulty.fail(where=lambda seen: seen.path == "/Users", **fault)
    code, findings = found(office)
    assert code == 1
    ((_, _, message),) = bad(findings)
    assert message.startswith(said)
    assert [seen.method for seen in faulty.seen] == ["GET"] * len(faulty.seen), "reads only"


def test_check_continues_if_one_target_is_unreachable(office: Office) -> None:
    more = (
        '[targets.down]\nurl = "http://127.0.0.1:9/v2"\nauth = { type = "bearer", token ='
        ' "env:WIKI_TOKEN" }\n'
    )
    office.configure(more=more + '[targets.down.user]\nuserName = "email"\n')
    office.hire(people(1))
    code, findings = found(office)
    assert code == 1
    assert [one["name"] for one in findings if one["message"].startswith("responds")] == ["wiki"]
    ((_, name, message),) = [one for one in bad(findings) if one[0] == "error"]
    assert (name, message.partition(": ")[0]) == ("down", "cannot be reached")
    assert found(office, "-t", "wiki")[0] == 0


def test_targets_are_checked_without_their_source(office: Office) -> None:
    code, findings = found(office)
    assert code == 1
    assert ("error", "hr", "sync.toml: sources.hr.path: there is no file hr.csv") in bad(findings)
    assert "responds and accepts the token; 0 users" in [one["message"] for one in findings]


def test_a_missing_secret_is_a_configuration_error(office: Office) -> None:
    office.configure(target="timeout = 5")
    office.hire(people(1))
    text = (
        (office.folder / "sync.toml")
        .read_text()
        .replace("env:WIKI_TOKEN", "env:SCIMSYNC_TEST_NOT_SET")
    )
    office.write("sync.toml", text)
    code, findings = found(office)
    assert code == 2
    message = (
        "sync.toml: targets.wiki.auth.token: the environment variable SCIMSYNC_TEST_NOT_SET is"
        " not set"
    )
    assert bad(findings) == [("error", "wiki", message)]


def test_a_missing_column_does_not_prevent_the_check_of_the_target(
    office: Office,
) -> None:
    office.configure(user='userName = "mail"')
    office.hire(people(1))
    code, findings = found(office)
    assert code == 2
    assert (
        "error",
        "wiki",
        'sync.toml: targets.wiki.user.userName: no column "mail" in source hr',
    ) in bad(findings)
    assert "responds and accepts the token; 0 users" in [one["message"] for one in findings]


def test_an_invalid_configuration_is_a_result(office: Office) -> None:
    office.write("sync.toml", "[sources")
    code, findings = found(office)
    assert code == 2
    assert [(one["area"], one["level"]) for one in findings] == [("configuration", "error")]


def test_unusable_rows_are_a_warning(office: Office) -> None:
    office.hire(people(3))
    with (office.folder / "hr.csv").open("a") as stream:
        stream.write("00009,x\x1b[31m@example.com\n")
    ran = office.run("check")
    assert ran.code == 0
    assert "line 5 00009: has 2 fields where the header has 6" in ran.out
    assert "\x1b" not in ran.out


def test_a_token_file_readable_by_others_is_a_warning(office: Office) -> None:
    office.hire(people(1))
    office.write("token", office.token)
    (office.folder / "token").chmod(0o644)
    text = (office.folder / "sync.toml").read_text().replace("env:WIKI_TOKEN", "file:token")
    office.write("sync.toml", text)
    assert any("is readable by other users" in message for _, _, message in bad(found(office)[1]))
    (office.folder / "token").chmod(stat.S_IRUSR)
    assert not any("readable by other users" in message for _, _, message in bad(found(office)[1]))


# Schema fit

NONE = "/Schemas lists none"
USER_SCHEMA: Json = {
    "id": "urn:ietf:params:scim:schemas:core:2.0:User",
    "attributes": [{"name": "title"}],
}
GROUP_SCHEMA: Json = {
    "id": "urn:ietf:params:scim:schemas:core:2.0:Group",
    "attributes": [
        {"name": "displayName"},
        {"name": "externalId", "required": True},
        {"name": "owner", "required": True},
    ],
}


@pytest.mark.parametrize(
    ("schemas", "expected"),
    [
        ([], [f"{UNTOLD} its schemas are unknown: {NONE}"]),
        ({"Resources": []}, [f"{UNTOLD} its schemas are unknown: {NONE}"]),
        ([GROUP_SCHEMA], [f"{UNTOLD} its schemas do not describe users"]),
        ([{**USER_SCHEMA, "attributes": []}], [f"{UNTOLD} its schemas are unknown: {NONE}"]),
        ([USER_SCHEMA, GROUP_SCHEMA], ["2 attributes are unknown to the target"]),
        (
            {"Resources": [USER_SCHEMA]},
            [
                "2 attributes are unknown to the target",
                f"{UNTOLD} its schemas do not describe groups",
            ],
        ),
    ],
)
def test_schemas_may_be_a_bare_array_and_those_of_groups_count(
    office: Office, faulty: FaultyServer, schemas: Any, expected: list[str]
) -> None:
    office.configure(
        user='userName = "email"\nactive = true',
        more='[targets.wiki.groups.departments]\neach = "dept"\ndisplayName = "value"',
    )
    office.hire(people(1))
    faulty.declared["/Schemas"] = schemas

    code, findings = found(office)

    _, *messages = [message for level, _, message in bad(findings) if level == "warning"]
    required = "groups.departments: 1 attribute is required by the target but not mapped"
    if "owner" in str(schemas):
        expected = [*expected, required]
    assert (code, messages) == (0, expected)


CORE = "urn:ietf:params:scim:schemas:core:2.0:User"
SCHEMAS: list[Mapping[str, Any]] = [
    {
        "ID": CORE,  # names are case-insensitive
        "attributes": [
            {"name": "userName", "required": True},
            {"name": "nickName", "mutability": "readOnly"},
            {
                "name": "name",
                "subAttributes": [
                    {"name": "givenName"},
                    {"name": "formatted", "mutability": "readOnly"},
                ],
            },
            {
                "name": "emails",
                "subAttributes": [
                    {"name": "value", "required": True},
                    {"name": "type", "required": True},
                ],
            },
            {"name": "userType", "required": True},
        ],
    },
    {
        "id": "urn:example:2.0:User",
        "attributes": [{"name": "site", "required": True}, {"name": "desk"}],
    },
]


@pytest.mark.parametrize(
    ("mapped", "expected"),
    [
        (["userName", "userType", "externalId", "USERTYPE", "name.givenName"], []),
        (["userName", "userType", "nickName"], [("nickName", "read-only")]),
        (["userName", "userType", "name.formatted"], [("name.formatted", "read-only")]),
        (["userName", "userType", "name.middleName"], [("name.middleName", "unknown")]),
        (["userName", "userType", "title"], [("title", "unknown")]),
        (["userName"], [("userType", "required")]),
        (["userName", "userType", 'emails[type eq "work"].value'], []),
        (["userName", "userType", "emails[primary eq true].value"], [("emails.type", "required")]),
        (["userName", "userType", "emails"], []),
        (
            ["userName", "userType", "urn:example:2.0:User:desk"],
            [("urn:example:2.0:user:site", "required")],
        ),
        (["userName", "userType", "urn:other:2.0:User:x"], [("urn:other:2.0:User:x", "unknown")]),
    ],
)
def test_schema_fit(mapped: list[str], expected: list[tuple[str, str]]) -> None:
    assert [(one.path, one.problem) for one in misfits(read_schemas(SCHEMAS), mapped)] == expected


def test_without_the_core_schema_nothing_misfits() -> None:
    nothing: list[Misfit] = []
    assert misfits(read_schemas([SCHEMAS[1]]), ["userName", "nonsense"]) == nothing


def test_shared_mappings_that_no_target_extends_are_checked(office: Office) -> None:
    office.configure(more='[mappings.rest]\ntitel = "x"\n')
    office.hire(people(2))

    ran = office.run("check")

    assert ran.code == 2
    assert "sync.toml: mappings.rest.titel: no such attribute [SYNC-0141]" in ran.out
    assert "sync.toml: mappings.rest: no target extends this mapping [SYNC-0446]" in ran.out
    assert office.run("plan").code == 2


@pytest.mark.parametrize(
    "body", [{}, {"status": "ok"}, {"results": []}, {"totalResults": 0, "items": []}]
)
def test_an_answer_of_another_service_is_not_an_empty_list(
    office: Office, faulty: FaultyServer, body: dict[str, Any]
) -> None:
    office.hire(people(2))
    faulty.fail("GET", times=99, status=200, body=body)

    checked = office.run("check")

    assert checked.code == 1
    assert "no SCIM service found: /Users: the response holds no list" in checked.out
    assert office.push().exit_code in (1, 4)
    assert faulty.written() == []
