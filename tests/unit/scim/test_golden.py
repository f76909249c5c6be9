"""Fixed dialects send the requests that the documentation of their clients publishes.

Each file of `golden/` cites the pages. What they add that scimsync does not send (`$ref`, the
`display` of members, `primary`) is left out there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scimsync.plan.requests import request_documents
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.messages import Member, RemoteResource, Requests, ScimRequest

GOLDEN = Path(__file__).parent / "golden"
HELD: dict[str, dict[str, Any]] = {
    "user": {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": "1",
        "meta": {"resourceType": "User"},
        "userName": "ann@example.com",
        "name": {"givenName": "Ann", "familyName": "Lee"},
        "active": True,
        "nickName": "Annie",
        "groups": [],
    },
    "group": {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
        "id": "1",
        "displayName": "IT",
        "members": [{"value": "7"}, {"value": "8"}],
    },
}


def cases() -> Iterator[Any]:
    for file in sorted(GOLDEN.glob("*.json")):
        for case in json.loads(file.read_text())["cases"]:
            yield pytest.param(file.stem, case, id=f"{file.stem}: {case['what']}")


def requests_of(dialect: str, call: str, *arguments: Any) -> Requests:
    """Return the requests of one call of a dialect."""
    made = DIALECTS[dialect]
    resource = {kind: RemoteResource("1", None, held) for kind, held in HELD.items()}
    match call, arguments:
        case "update", (kind, before, after):
            return made.update(kind, resource[kind], before, after)
        case "set_active", (active,):
            return made.set_active(resource["user"], active)
        case "change_members", (removed, added):
            return made.change_members(resource["group"], removed, [Member(one) for one in added])
        case _:
            request: ScimRequest = getattr(made, call)(*arguments)
            return (request,)


@pytest.mark.parametrize(("dialect", "case"), list(cases()))
def test_a_dialect_sends_what_is_published(dialect: str, case: Any) -> None:
    assert request_documents(requests_of(dialect, *case["call"])) == case["requests"]


def test_every_file_cites_its_pages() -> None:
    for file in GOLDEN.glob("*.json"):
        assert all(page["page"] and page["read"] for page in json.loads(file.read_text())["pages"])
        assert file.stem in DIALECTS
