"""Objects without the list of records: an empty page with `absent_is_empty`, or an error."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.errors import SourceUnavailable
from tests.servers.faulty_http import Reply, Seen
from tests.servers.table_api import api, read

TOKEN = 'kind = "body_token", in = "query.cursor", out = "next"'
URL = 'kind = "body_url", out = "links.next"'
PAGE = 'kind = "page", in = "query.cursor", start = 0'
TOTAL = ', total = "details.total"'
OF_HEADER = ', total = "header.X-Total-Count", total_may_be_missing = true'
KIND = {"kind": "admin#directory#users", "etag": '"x"'}
BUSY = {"code": 503, "message": "The service is currently unavailable.", "details": []}


def pages(paging: str, empty: Reply, *, is_first: bool) -> list[str]:
    """Return the keys of a list with one record, whose page before or after that is a response."""
    more = f"""
records = "people"
absent_is_empty = true
columns = {{ id = "id" }}
paging = {{ {paging} }}
"""

    def page(seen: Seen) -> Reply:
        at = seen.query.get("cursor", "0")
        if (at == "0") is is_first or at not in ("0", "1"):
            return empty
        more = {"next": "1", "links": {"next": "?cursor=1"}} if at == "0" else {}
        return Reply(200, {"people": [{"id": "p1"}], "details": {"total": "1"}, **more})

    with api(people=page) as one:
        return [row["key"] for row in read(one, more)]


@pytest.mark.parametrize(
    ("paging", "body", "headers"),
    [
        (TOKEN, KIND, {}),
        (TOKEN, {"etag": '"x"', "error": None, "errors": []}, {}),
        (TOKEN, {"@odata.context": "$metadata#users"}, {}),
        (TOKEN + TOTAL, {"details": {"total": "1"}}, {}),
        (PAGE + TOTAL, {"details": {"total": 1}}, {}),
        (PAGE + OF_HEADER, {"ok": True}, {"X-Total-Count": "1"}),
    ],
)
def test_the_last_page_may_be_an_object_without_the_list(
    paging: str, body: Any, headers: dict[str, str]
) -> None:
    assert pages(paging, Reply(200, body, headers), is_first=False) == ["p1"]


@pytest.mark.parametrize(
    ("paging", "body"),
    [
        (TOKEN, {"next": "1"}),
        (URL, {"links": {"next": "?cursor=1"}}),
        (TOKEN, KIND | {"next": "1"}),
    ],
)
def test_an_object_without_the_list_may_name_the_next_page(paging: str, body: Any) -> None:
    assert pages(paging, Reply(200, body), is_first=True) == ["p1"]


@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("paging", [TOKEN, URL, PAGE, TOKEN + TOTAL, PAGE + TOTAL])
@pytest.mark.parametrize(
    "body",
    [
        {},
        BUSY,
        {"error": BUSY},
        {"error": "busy", "kind": "error"},
        {"errors": [BUSY], "details": {"total": "1"}},
        {"status": "error"},
        {"details": {"total": "many"}},
        {"next": "", "links": {"next": None}, "kind": None, "etag": ""},
    ],
)
def test_any_other_object_is_unreadable(body: Any, paging: str, is_first: bool) -> None:
    with pytest.raises(SourceUnavailable, match="does not show that it is empty") as caught:
        pages(paging, Reply(200, body), is_first=is_first)
    assert caught.value.code == "SYNC-0268"


@pytest.mark.parametrize("body", [{}, BUSY, {"error": BUSY}])
def test_a_join_does_not_take_an_error_for_no_members(body: Any) -> None:
    more = """
columns = { id = "id", members = "members[].id" }
[[sources.staff.joins]]
into = "members"
path = "/teams/{id}"
records = "members"
absent_is_empty = true
"""
    with api(teams=[{"id": "T"}], teams_T={"kind": "members"}) as one:
        assert read(one, more, "members", path="/teams") == [{"key": "T", "members": []}]
        one.answers["/teams/T"] = body
        with pytest.raises(SourceUnavailable, match="without members does not show"):
            read(one, more, "members", path="/teams")
