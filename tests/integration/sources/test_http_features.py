"""Joins, fields, probes, limits and columns of `type = "http"`, against answers in a table."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scimsync.errors import GuardStop, SourceFormatError, SourceUnavailable
from scimsync.sources.http.source import HttpSource
from scimsync.sources.workspace import Workspace
from tests.http_sources import FakeTime, records, spec_of
from tests.servers.faulty_http import Reply, Seen
from tests.servers.table_api import TableApi, api, read, table

PEOPLE = [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bo"}, {"id": 3, "name": "Cy"}]

# Joins


def test_each_record_can_have_a_call_of_its_own() -> None:
    def members(seen: Seen) -> Reply:
        page = int(seen.query.get("page", "1"))
        ids = [f"{seen.path[-1]}{number}" for number in range(1, 4)]
        return Reply(200, {"members": [{"id": one} for one in ids[(page - 1) * 2 : page * 2]]})

    more = """
columns = { id = "id", members = "members[].id" }
[[sources.staff.joins]]
into = "members"
path = "/teams/{id}"
records = "members"
when = "id != 'c'"
paging = { kind = "page", in = "query.page" }
"""
    with api(
        teams=[{"id": "a"}, {"id": "b"}, {"id": "c"}], teams_a=members, teams_b=members
    ) as one:
        assert read(one, more, "members", path="/teams") == [
            {"key": "a", "members": ["a1", "a2", "a3"]},
            {"key": "b", "members": ["b1", "b2", "b3"]},
            {"key": "c", "members": []},
        ]


def test_an_id_in_a_path_is_encoded() -> None:
    more = """
columns = { id = "id", boss = "boss.name" }
[[sources.staff.joins]]
into = "boss"
path = "/people/{id}/boss"
one = true
absent = [404]
"""
    with api(people=[{"id": "a/../b?c"}, {"id": "d"}]) as one:
        one.answers["/people/a/../b?c/boss"] = {"name": "Zoe"}
        assert read(one, more, "boss") == [
            {"key": "a/../b?c", "boss": "Zoe"},
            {"key": "d", "boss": None},
        ]


def test_a_second_list_is_joined_by_a_value() -> None:
    more = """
columns = { id = "id", title = "job.title", teams = "teams[].name" }
[[sources.staff.joins]]
into = "job"
path = "/jobs"
records = "jobs"
on = "id"
key = "person"
[[sources.staff.joins]]
into = "teams"
path = "/teams"
on = "id"
key = "person"
many = true
"""
    jobs = {"jobs": [{"person": 1, "title": "Clerk"}, {"person": 3, "title": "Cook"}]}
    teams = [{"person": 1, "name": "x"}, {"person": 1, "name": "y"}]
    with api(people=PEOPLE, jobs=jobs, teams=teams) as one:
        assert read(one, more, "title", "teams") == [
            {"key": "1", "title": "Clerk", "teams": ["x", "y"]},
            {"key": "2", "title": None, "teams": []},
            {"key": "3", "title": "Cook", "teams": []},
        ]
        jobs["jobs"].append({"person": 1, "title": "Cook"})
        with pytest.raises(SourceUnavailable, match="1 values of person occur in several records"):
            read(one, more, "title")


def test_a_join_that_fails_makes_the_source_unreadable() -> None:
    more = """
columns = { id = "id", members = "members[].id" }
[[sources.staff.joins]]
into = "members"
path = "/people/{id}"
"""
    with (
        api(people=PEOPLE, people_1=[], people_3=[]) as one,
        pytest.raises(SourceUnavailable, match="GET /people/2: status 404"),
    ):
        read(one, more, "members")


@pytest.mark.parametrize(("used", "calls"), [(("name",), 0), (("name", "members"), 3)])
def test_only_what_is_used_is_asked_for(used: tuple[str, ...], calls: int) -> None:
    more = """
fields = { in = "query.fields", always = ["id"] }
[sources.staff.columns]
id = "id"
name = "name"
boss = { path = "boss.id", fields = ["manager"], params = { expand = "boss" } }
members = "members[].id"
[[sources.staff.joins]]
into = "members"
path = "/people/{id}"
"""
    with api(people=PEOPLE, people_1=[], people_2=[], people_3=[]) as one:
        spec = replace(spec_of(table(one, more)), used=used)
        with Workspace() as workspace:
            records(HttpSource(spec, workspace, FakeTime().source), workspace, *used)
        assert [seen.query for seen in one.seen if seen.path == "/people"] == [
            {"fields": "id,name"}
        ]
        assert len([seen for seen in one.seen if seen.path != "/people"]) == calls


# What shows that rights were lost


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            'columns = { id = "id", mail = { path = "mail", filled = "50%", hint = "scope" } }',
            'column "mail" has a value in 0 of 3 records, and at least 2 should have one',
        ),
        (
            'columns = { id = "id", mail = "mail" }\nhidden = "hidden"',
            "the credentials cannot see mail",
        ),
        (
            'probes = [{ path = "/count", count = "n" }]',
            ("3 records were received, but GET /count counts 5"),
        ),
        (
            'probes = [{ path = "/count", expect = "admin", hint = "be one" }]',
            "GET /count: the response does not fulfil admin",
        ),
        ('truncated = "[0].hidden"', "the server truncated the list"),
    ],
)
def test_lost_rights_make_the_source_unreadable(more: str, message: str) -> None:
    people = [one | {"hidden": ["mail", "phone"]} for one in PEOPLE]
    with api(people=people, count={"n": 5, "admin": False}) as one:
        with pytest.raises(SourceUnavailable, match=message):
            read(one, more, "mail")
        one.answers["/count"] = {"n": "3", "admin": True}
        if "probes" in more:
            assert len(read(one, more, "name")) == 3


# Limits, errors, and reads


@pytest.mark.parametrize(
    ("limit", "status", "body", "headers", "slept"),
    [
        ('wait = "seconds:12"', 403, {"reason": "rate"}, {}, 12),
        ('wait = "retry_after"', 403, {"reason": "rate"}, {"Retry-After": "3"}, 3),
        ('wait = "body_seconds:wait"', 403, {"reason": "rate", "wait": 4}, {}, 4),
        ('wait = "backoff"', 403, {"reason": "rate"}, {"Retry-After": "3"}, 0.5),
        (
            'wait = "reset_epoch:X-Reset"',
            403,
            {"reason": "rate"},
            {"Date": "Sun, 29 Nov 2026 12:00:00 GMT", "X-Reset": "1795953608"},
            8,
        ),
        (
            'wait = "reset_date:X-Reset"',
            403,
            {"reason": "rate"},
            {
                "Date": "Sun, 29 Nov 2026 12:00:00 GMT",
                "X-Reset": "Sun, 29 Nov 2026 12:00:09 GMT",
            },
            9,
        ),
        ('wait = "seconds:2"', 200, {"reason": "rate"}, {}, 2),
    ],
)
def test_limits_are_facts(
    limit: str, status: int, body: Any, headers: dict[str, str], slept: float
) -> None:
    more = f"limits = [{{ body = \"reason == 'rate'\", {limit} }}]"
    time = FakeTime()
    with api(people=PEOPLE) as one:
        one.fail(status=status, body=body, headers=headers)
        assert len(read(one, more, "name", time=time)) == 3
    assert time.slept == [slept]


def test_a_rate_is_kept() -> None:
    more = """
rate = { requests = 2, seconds = 60 }
paging = { kind = "page", in = "query.page" }
"""

    def page(seen: Seen) -> Reply:
        start = int(seen.query["page"]) - 1
        return Reply(200, PEOPLE[start : start + 1])

    time = FakeTime()
    with api(people=page) as one:
        assert len(read(one, more, "name", time=time)) == 3
    assert time.slept == [61]


def test_an_expired_cursor_starts_the_list_again() -> None:
    more = """
paging = { kind = "body_token", in = "query.cursor", out = "next" }
records = "people"
resync = [{ status = 400, body = "error == 'invalid_cursor'" }]
"""

    def page(seen: Seen) -> Reply:
        start = int(seen.query.get("cursor", "0"))
        body: dict[str, Any] = {"people": PEOPLE[start : start + 1]}
        if start < 2:
            body["next"] = str(start + 1)
        return Reply(200, body)

    with api(people=page) as one:
        one.fail(
            where=lambda seen: seen.query.get("cursor") == "2",
            status=400,
            body={"error": "invalid_cursor"},
        )
        assert len(read(one, more, "name")) == 3


def test_several_reads_make_the_list_together() -> None:
    def people(seen: Seen) -> Reply:
        return Reply(200, PEOPLE[:2] if seen.query["status"] == "active" else PEOPLE[1:])

    more = 'reads = [{ params = { status = "left" } }, { params = { status = "active" } }]'
    with api(people=people) as one:
        assert [row["name"] for row in read(one, more, "name")] == ["Ann", "Bo", "Cy"]


# Formats and columns


def test_csv_is_read_by_its_header() -> None:
    def report(_seen: Seen) -> Reply:
        return Reply(200, b'\xef\xbb\xbfid,name\r\n007,"Ann, A"\r\n8,Bo\r\n')

    with api(people=report) as one:
        assert read(one, 'format = "csv"', "name") == [
            {"key": "007", "name": "Ann, A"},
            {"key": "8", "name": "Bo"},
        ]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"id,name\n1,Ann,x\n", "line 2 of the CSV has 3 fields, its header 2"),
        (b"id,id\n1,2\n", "not CSV with a line of different names"),
        (b"id,name\n1,\xe4\n", "the CSV is not UTF-8"),
        (b'id,name\n1,"Ann\n', "not CSV"),
        (b"<!DOCTYPE html>\n<html>", "a web page, not CSV"),
        (b'{"error": "busy"}', "JSON, not CSV"),
        (b'\xef\xbb\xbf\n{\n"error": "busy"\n}\n', "JSON, not CSV"),
        (b"[]", "JSON, not CSV"),
        (b"Busy, try again later", "the CSV has no column id"),
    ],
)
def test_csv_that_is_none_makes_the_source_unreadable(body: bytes, message: str) -> None:
    with (
        api(people=lambda _seen: Reply(200, body)) as one,
        pytest.raises(SourceUnavailable, match=message),
    ):
        spec_of(table(one, 'format = "csv"')).columns()


@pytest.mark.parametrize(
    ("later", "message"),
    [
        (b'{"error": "busy"}', "JSON, not CSV"),
        (b"busy", "the CSV has no column id"),
        (b"id", "other columns than the first one"),
        (b"name,id\nAnn,8\n", "other columns than the first one"),
        (b"", "not CSV with a line of different names"),
    ],
)
def test_a_page_of_csv_ends_the_list_only_with_its_header(later: bytes, message: str) -> None:
    more = """
format = "csv"
columns = { id = "id" }
paging = { kind = "page", in = "query.page" }
"""

    def page(seen: Seen) -> Reply:
        return Reply(200, b"id,name\n7,Ann\n" if seen.query["page"] == "1" else later)

    with api(people=page) as one:
        with pytest.raises(SourceUnavailable, match=message):
            read(one, more)
        later = b"id,name\n"
        assert len(read(one, more)) == 1


def test_a_second_list_of_csv_has_the_column_of_its_key() -> None:
    more = """
format = "csv"
columns = { id = "id", teams = "teams[].name" }
[[sources.staff.joins]]
into = "teams"
path = "/teams"
format = "csv"
on = "id"
key = "person"
many = true
"""
    people, teams = Reply(200, b"id\n7\n"), Reply(200, b"person,name\n7,x\n")
    with api(people=lambda _seen: people, teams=lambda _seen: teams) as one:
        assert read(one, more, "teams") == [{"key": "7", "teams": ["x"]}]
        teams = Reply(200, b"busy")
        with pytest.raises(SourceUnavailable, match="the CSV has no column person"):
            read(one, more, "teams")


def test_a_list_without_columns_is_read_once() -> None:
    with api(people=PEOPLE) as one:
        spec = spec_of(table(one, ""))
        assert spec.columns() == ["id", "name"]
        with Workspace() as workspace:
            assert len(records(spec.open(workspace), workspace, "name")) == 3
        assert len(one.seen) == 1
        with Workspace() as workspace:
            assert len(records(spec.open(workspace), workspace, "name")) == 3
        assert len(one.seen) == 2


def test_init_sees_the_first_records_only() -> None:
    def page(seen: Seen) -> Reply:
        start = int(seen.query["page"]) - 1
        return Reply(200, PEOPLE[start : start + 1])

    more = 'paging = { kind = "page", in = "query.page" }'
    with api(people=page) as one:
        with Workspace() as workspace:
            source = HttpSource(spec_of(table(one, more)), workspace, FakeTime().source)
            assert source.first_records(2) == PEOPLE[:2]
        assert len(one.seen) <= 3


@pytest.mark.parametrize(
    ("people", "more", "error", "message"),
    [
        ([], "", GuardStop, "is empty"),
        ([{"name": "Ann"}], "", SourceFormatError, 'no column "id"'),
        (PEOPLE, 'columns = { number = "id" }', SourceFormatError, 'no column "id"'),
        (PEOPLE, "records = \"to_object(@, 'x', 'y')\"", SourceUnavailable, "no list at"),
        (PEOPLE, "columns = { id = \"split(id, ',')\" }", SourceUnavailable, "split"),
    ],
)
def test_a_list_that_cannot_be_used(
    people: Any, more: str, error: type[Exception], message: str
) -> None:
    def use(server: TableApi) -> None:
        spec_of(table(server, more)).columns()
        read(server, more)

    with api(people=people) as one, pytest.raises(error, match=message):
        use(one)
