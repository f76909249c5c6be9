"""Lists of `type = "http"` whose order changes between two pages.

A record comes twice, and another one not at all. Without notice, it would count as removed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scimsync.errors import SourceUnavailable
from scimsync.sources.http.source import HttpSource
from scimsync.sources.workspace import Workspace
from tests.http_sources import FakeTime, records, spec_of
from tests.servers.faulty_http import Reply, Seen
from tests.servers.table_api import TableApi, api, read, table

STABLE = [f"p{number}" for number in range(1, 10)]
MOVED = ["p1", "p2", "p3", "p4", "p3", "p5", "p7", "p8", "p9"]
"""`STABLE` with p3 on two pages of three records, and p6 on none."""

TOKEN = 'kind = "body_token", in = "query.start", out = "next"'
URL = 'kind = "body_url", out = "url"'
RELATIVE_URL = 'kind = "body_relative_url", out = "relative"'
LINK = 'kind = "link_header"'
HEADER = 'kind = "header_token", in = "query.start", out = "X-Next"'
LAST_ID = 'kind = "last_id", in = "query.start", out = "position"'
OFFSET = 'kind = "offset", in = "query.start"'
PAGE = 'kind = "page", in = "query.page"'
LINKED = [TOKEN, URL, RELATIVE_URL, LINK, HEADER]
BY_TOKEN = [*LINKED, LAST_ID]
COUNTED = [OFFSET, PAGE]
TOTAL = ', total = "total"'
USERS = "where = \"kind == 'user'\""
PROBE = 'probes = [{ path = "/count", count = "n" }]'

REPEATED = "8 of 9 records were received, and 1 repeatedly"
TWICE = "a record was received twice"


def listed(order: list[str], *, positions: bool = True) -> Callable[[Seen], Reply]:
    """Return a function that answers with pages of three records, and with the next page."""

    def page(seen: Seen) -> Reply:
        start = 3 * (int(seen.query["page"]) - 1) if "page" in seen.query else 0
        start = int(seen.query.get("start", start))
        rows: list[dict[str, Any]] = [
            {"id": name, "kind": "bot" if name == "p3" else "user", "team": "T"}
            for name in order[start : start + 3]
        ]
        if positions:
            rows = [row | {"position": start + at} for at, row in enumerate(rows, 1)]
        body: dict[str, Any] = {"people": rows, "total": len(order), "later": "?since=1"}
        if start + 3 >= len(order):
            return Reply(200, body)
        following = f"{seen.path}?start={start + 3}"
        body |= {"next": str(start + 3), "relative": following}
        body["url"] = f"http://{seen.headers['host']}{following}"
        return Reply(200, body, {"X-Next": str(start + 3), "Link": f'<{following}>; rel="next"'})

    return page


MAIN = """
records = "people"
columns = {{ id = "id" }}
paging = {{ {paging} }}
{more}
"""


@pytest.mark.parametrize(
    ("paging", "more", "message"),
    [
        *[(f"{kind}{TOTAL}", more, REPEATED) for kind in BY_TOKEN for more in ("", USERS)],
        *[(kind, PROBE, "8 records were received, but") for kind in BY_TOKEN],
        *[
            (f"{kind}{total}", more, TWICE)
            for kind in COUNTED
            for more in ("", USERS)
            for total in ("", TOTAL)
        ],
    ],
)
def test_a_record_that_comes_twice_does_not_stand_for_another(
    paging: str, more: str, message: str
) -> None:
    text = MAIN.format(paging=paging, more=more)
    with api(people=listed(STABLE), count={"n": 9}) as one:
        assert len(read(one, text)) == (8 if more == USERS else 9)
        one.answers["/people"] = listed(MOVED)
        with pytest.raises(SourceUnavailable, match=message) as caught:
            read(one, text)
    assert caught.value.code == "SYNC-0267"


@pytest.mark.parametrize("paging", BY_TOKEN)
def test_a_repetition_is_accepted_if_records_are_not_counted(paging: str) -> None:
    with api(people=listed(MOVED)) as one:
        assert len(read(one, MAIN.format(paging=paging, more=""))) == 8


def test_a_repetition_on_the_only_page_does_not_stand_for_another_record() -> None:
    people = [{"id": "a"}, {"id": "b"}, {"id": "b"}]
    with (
        api(people={"people": people, "total": 3}) as one,
        pytest.raises(SourceUnavailable, match="2 of 3 records were received, and 1 repeatedly"),
    ):
        read(one, MAIN.format(paging=f'kind = "none"{TOTAL}', more=""))


def test_a_record_of_two_reads_counts_once_for_a_probe() -> None:
    def people(seen: Seen) -> Reply:
        status = seen.query["status"]
        return Reply(200, [{"id": each, "as": status} for each in ("b", status[0])])

    text = f"""
columns = {{ id = "id" }}
reads = [{{ params = {{ status = "left" }} }}, {{ params = {{ status = "active" }} }}]
{PROBE}
"""
    with api(people=people, count={"n": 3}) as one:
        assert len(read(one, text)) == 3
        one.answers["/count"] = {"n": 4}
        with pytest.raises(SourceUnavailable, match="3 records were received, but"):
            read(one, text)


# Joins

OF_EACH = 'path = "/teams/{id}"'
SECOND_LIST = 'path = "/memberships"\non = "id"\nkey = "team"\nmany = true'


def members(server: TableApi, join: str, paging: str, order: list[str]) -> list[str]:
    """Return the members of the only team, which the API lists in an order."""
    server.answers["/teams/T"] = server.answers["/memberships"] = listed(order, positions=False)
    text = f"""
columns = {{ id = "id", members = "members[].id" }}
[[sources.staff.joins]]
into = "members"
records = "people"
{join}
paging = {{ {paging} }}
"""
    (team,) = read(server, text, "members", path="/teams")
    return list(team["members"])


@pytest.mark.parametrize("join", [OF_EACH, SECOND_LIST])
@pytest.mark.parametrize(
    ("paging", "message"),
    [
        *[(f"{kind}{TOTAL}", REPEATED) for kind in LINKED],
        *[(f"{kind}{total}", TWICE) for kind in COUNTED for total in ("", TOTAL)],
    ],
)
def test_joined_records_are_complete(join: str, paging: str, message: str) -> None:
    with api(teams=[{"id": "T"}]) as one:
        assert members(one, join, paging, STABLE) == STABLE
        with pytest.raises(SourceUnavailable, match=message):
            members(one, join, paging, MOVED)


@pytest.mark.parametrize("join", [OF_EACH, SECOND_LIST])
@pytest.mark.parametrize("paging", [TOKEN, OFFSET])
def test_joined_records_may_be_equal_on_one_page(join: str, paging: str) -> None:
    order = ["p1", "p1", "p2", "p3"]
    with api(teams=[{"id": "T"}]) as one:
        assert members(one, join, paging + TOTAL, order) == order


# Changes


@pytest.mark.parametrize(
    ("paging", "first", "later", "asked"),
    [
        # all records from the feed: the list is read instead
        (OFFSET, MOVED, STABLE, ["/changes", "/people", "/changes", "/people"]),
        (PAGE, MOVED, STABLE, ["/changes", "/people", "/changes", "/people"]),
        (f"{TOKEN}{TOTAL}", MOVED, STABLE, ["/changes", "/people", "/changes", "/people"]),
        # later changes: everything is read instead
        (PAGE, STABLE, MOVED, ["/changes", "/changes since", "/changes"]),
        (f"{TOKEN}{TOTAL}", STABLE, MOVED, ["/changes", "/changes since", "/changes"]),
    ],
)
def test_a_feed_of_changes_is_complete(
    tmp_path: Path, paging: str, first: list[str], later: list[str], asked: list[str]
) -> None:
    def changes(seen: Seen) -> Reply:
        return listed(later if "since" in seen.query else first)(seen)

    feed = f"""
records = "people"
columns = {{ id = "id" }}
[sources.staff.delta]
path = "/changes"
records = "people"
link = "later"
removed = "gone"
paging = {{ {paging} }}
"""
    with api(changes=changes, people={"people": [{"id": each} for each in STABLE]}) as one:
        spec = spec_of(table(one, feed), tmp_path)
        assert spec.keeping is not None
        for hour in range(2):
            now = datetime(2026, 11, 30, hour, tzinfo=UTC)
            keeping = replace(spec.keeping, now=now, stores=True)
            with Workspace() as workspace:
                used = replace(spec, used=(), keeping=keeping)
                found = records(HttpSource(used, workspace, FakeTime().source), workspace)
            assert [row["key"] for row in found] == STABLE
        firsts = [
            f"{seen.path}{' since' * ('since' in seen.query)}"
            for seen in one.seen
            if seen.query.get("page", "1") == "1" and seen.query.get("start", "0") == "0"
        ]
    assert firsts == asked
