"""Joins of `type = "http"` that read one object for each record."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.errors import SourceUnavailable
from tests.servers.faulty_http import Reply
from tests.servers.table_api import api, read

IT = {"department": "IT"}


def department(response: Reply, place: str) -> Any:
    """Return the department of a person whose job the API answers with a response."""
    more = f"""
columns = {{ id = "id", department = "job.department" }}
[[sources.staff.joins]]
into = "job"
path = "/people/{{id}}/job"
records = "{place}"
one = true
absent = [404, 410]
"""
    with api(people=[{"id": "p1"}], people_p1_job=lambda _seen: response) as one:
        (person,) = read(one, more, "department")
        return person["department"]


@pytest.mark.parametrize(
    ("response", "place", "value"),
    [
        (Reply(200, {"job": IT}), "job", "IT"),
        (Reply(200, {"job": IT, "error": None, "errors": []}), "job", "IT"),
        (Reply(200, IT), "@", "IT"),
        (Reply(200, {"jobs": [IT]}), "jobs[0]", "IT"),
        # no value: an object without the member, null, and a status in `absent`
        (Reply(200, {"job": {}}), "job", None),
        (Reply(200, {"job": None}), "job", None),
        (Reply(200, {"data": None}), "data.job", None),
        (Reply(200, b"null"), "@", None),
        (Reply(404, {"error": "not found"}), "job", None),
        (Reply(410), "@", None),
    ],
)
def test_one_object_or_no_value(response: Reply, place: str, value: str | None) -> None:
    assert department(response, place) == value


@pytest.mark.parametrize(
    ("response", "place", "message"),
    [
        (Reply(200, {"error": "busy"}), "job", "reports an error"),
        (Reply(200, {"error": "busy"}), "@", "reports an error"),
        (Reply(200, {"job": None, "errors": ["busy"]}), "job", "reports an error"),
        (Reply(200, {"message": "busy"}), "job", "has no object at job"),
        (Reply(200, {"data": {}}), "data.job", "has no object at data.job"),
        (Reply(200, {"jobs": []}), "jobs[0]", r"has no object at jobs\[0\]"),
        (Reply(200, {}), "job", "is empty"),
        (Reply(200, {}), "@", "is empty"),
        (Reply(200, []), "job", "has no object at job"),
        (Reply(200, [IT]), "@", "has no object at @"),
        (Reply(200, {"job": "busy"}), "job", "has no object at job"),
        (Reply(200, {"job": [IT]}), "job", "has no object at job"),
        (Reply(201, {"job": IT}), "job", "status 201 is not an object"),
        (Reply(202, {}), "job", "status 202 is not an object"),
        (Reply(204), "job", "status 204 is not an object"),
        (Reply(206, {"job": IT}), "job", "status 206 is not an object"),
    ],
)
def test_a_response_without_an_object_is_unreadable(
    response: Reply, place: str, message: str
) -> None:
    with pytest.raises(SourceUnavailable, match=message) as caught:
        department(response, place)
    assert caught.value.code == "SYNC-0268"
