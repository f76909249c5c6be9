"""Limits of products by class of request."""

from __future__ import annotations

import pytest

from scimsync.scim.messages import ScimRequest
from scimsync.scim.profiles import ProfileError, read_profile
from scimsync.scim.profiles.rates import RequestRate

LIST = ScimRequest("GET", "/Users", query=(("count", "9"),))
GET = ScimRequest("GET", "/Users/1")
POST = ScimRequest("POST", "/Users", {"userName": "ann"})
PATCH = ScimRequest("PATCH", "/Groups/1", {"Operations": ["x" * 100]})
DELETE = ScimRequest("DELETE", "/Groups/1")
ALL = [LIST, GET, POST, PATCH, DELETE]


@pytest.mark.parametrize(
    ("requests", "over_bytes", "counted"),
    [
        ("any", None, ALL),
        ("read", None, [LIST, GET]),
        ("list", None, [LIST]),
        ("get users", None, [GET]),
        ("write", None, [POST, PATCH, DELETE]),
        ("create users", None, [POST]),
        ("update groups", None, [PATCH]),
        ("update groups", 99, [PATCH]),
        ("update groups", 200, []),
        ("delete users", None, []),
    ],
)
def test_a_class_of_requests(
    requests: str, over_bytes: int | None, counted: list[ScimRequest]
) -> None:
    rate = RequestRate(requests, 5, 30, over_bytes)

    assert [request for request in ALL if rate.counts(request)] == counted


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("rates = [1]", "is a table"),
        ("rates = [{ limit = 1, seconds = 1 }]", "missing 1 required positional argument"),
        (
            'rates = [{ requests = "talk", limit = 1, seconds = 1 }]',
            "requests has to be one of any, read, list, get, write, create, update, delete, then",
        ),
        (
            'rates = [{ requests = "any", limit = 0, seconds = 1 }]',
            "limit, seconds and over_bytes have to be whole numbers above 0",
        ),
    ],
)
def test_a_wrong_rate_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ProfileError, match=r"^profile x: rates: ") as caught:
        read_profile("x", text)

    assert problem in str(caught.value)
