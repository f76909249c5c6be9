"""The Okta SCIM 2.0 SPEC test (Okta-SCIM-20-SPEC-Test.json, exported 2024-05-13).

Its twelve steps in their order, with their headers. The assertions are those of the test, with one
exception: the test of the case of a userName only asks for status 200, and its point is that the
user is found.
"""

from __future__ import annotations

from typing import Final

from scimsync.probe.judges import (
    active,
    has_id,
    holds,
    lists,
    lists_nothing,
    scim_error,
    status,
)
from scimsync.probe.judges_of_form import faster_than, has_detail
from scimsync.probe.judges_of_lists import first_id, has_first, list_in_form
from scimsync.probe.sequence import GROUPS, USERS, Expect, Send, Step, expect
from scimsync.probe.sequences.bodies import USER, Json

_HEADERS: Final = (
    ("User-Agent", "OKTA SCIM Integration"),
    ("Accept-Charset", "utf-8"),
    ("Content-Type", "application/scim+json; charset=utf-8"),
)
_FORM_HEADERS: Final = (
    ("Content-Type", "application/json"),
    ("Accept", "application/scim+json; charset=utf-8"),
)
_READ: Final = ("id", "name.familyName", "name.givenName", "userName", "active", "emails.value")
_UNKNOWN_ID: Final = "00919288221112222"


def _get(path: str, *query: tuple[str, str]) -> Send:
    return Send("GET", path, query=query, headers=_HEADERS)


def _find(condition: str) -> Send:
    return _get(USERS, ("filter", condition))


def _new_user(name: str, email: str) -> Send:
    body: Json = {
        "schemas": [USER],
        "userName": f"{{{name}.name}}",
        "name": {"givenName": "Probe", "familyName": "Realistic"},
        "emails": [{"primary": True, "value": email, "type": "work"}],
        "displayName": "Probe Realistic",
        "active": True,
    }
    return Send("POST", USERS, body, headers=_FORM_HEADERS)


def _stored(name: str) -> Expect:
    return expect(
        "create-stores",
        holds("userName", f"{{{name}.name}}"),
        holds("name.familyName", "Realistic"),
        holds("name.givenName", "Probe"),
    )


def create(step: str, name: str) -> Step:
    """Return the creation of the user called `name` with realistic values."""
    return Step(
        step,
        _new_user(name, f"{{{name}.externalId}}@example.com"),
        (
            expect("create-created", status(201)),
            expect("create-id", has_id),
            _stored(name),
            expect("create-stores", active(True)),
        ),
        creates=name,
    )


def _unknown(step: str, user_id: str) -> Step:
    return Step(
        step,
        _get(f"{USERS}/{user_id}"),
        (
            expect("unknown-not-found", status(404)),
            expect("error-body", scim_error),
            expect("okta-error-detail", has_detail),
        ),
    )


SPEC_TEST: Final = (
    Step(
        "Test Users endpoint",
        _get(USERS, ("count", "1"), ("startIndex", "1")),
        (expect("list-response", list_in_form), expect("okta-first-user", has_first(*_READ))),
        picked="first",
        picks=first_id,
    ),
    Step(
        "Get Users/{id}",
        _get("/Users/{first}"),
        (expect("get", status(200), holds("id", "{first}")),),
    ),
    Step(
        "Test invalid User by username",
        _find('userName eq "scimsync-probe-{run}-invalid@example.com"'),
        (expect("filter-nothing", lists_nothing),),
    ),
    _unknown("Test invalid User by ID", "scimsync-probe-{run}-unknown"),
    Step(
        "Make sure random user doesn't exist",
        _find('userName eq "{user.name}"'),
        (expect("filter-nothing", lists_nothing),),
    ),
    create("Create Okta user with realistic values", "user"),
    Step("Verify that user was created", _get("/Users/{user}"), (_stored("user"),)),
    Step(
        "Expect failure when recreating user with same values",
        _new_user("user", "{user.name}"),
        (expect("duplicate-conflict", status(409)),),
        creates="user",
    ),
    Step(
        "Username Case Sensitivity Check",
        _find('userName eq "{user.upper}"'),
        (expect("filter-user-name-case", lists("user")),),
        needs=("user",),
    ),
    Step(
        "Verify Groups endpoint",
        _get(GROUPS),
        (
            expect("list-response", list_in_form),
            expect("okta-response-time", faster_than(0.6)),
        ),
        part="groups",
    ),
    Step(
        "Check status 401",
        _find('userName eq "{user.upper}"'),
        (
            expect("unauthorized", status(401)),
            expect("unauthorized-body", scim_error),
            expect("okta-error-detail", has_detail),
        ),
        wrong_token=True,
    ),
    _unknown("Check status 404", _UNKNOWN_ID),
)
