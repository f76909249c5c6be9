"""Change users (RFC 7644 sections 3.5.1, 3.5.2 and 3.14)."""

from __future__ import annotations

from typing import Any, Final

from scimsync.probe.judges import (
    accepted,
    active,
    active_boolean,
    holds,
    lists,
    scim_error,
    status,
)
from scimsync.probe.judges_of_form import refused
from scimsync.probe.sequence import USERS, Judge, Send, Step, expect, then
from scimsync.probe.sequences.bodies import ENTERPRISE, USER, Json, operation, patch
from scimsync.probe.sequences.put_bodies import Changed
from scimsync.probe.sequences.steps import change

_WORK: Final = 'emails[type eq "work"].value'
_HOME: Final = 'emails[type eq "home"].value'


def _patch(
    step: str, check: str, operations: list[Json], *judges: Judge, user: str = "user"
) -> Step:
    return change(step, user, operations, check, *judges, feature="patch")


def _activate(step: str, value: bool) -> Step:
    check = "reactivate" if value else "deactivate"
    return Step(
        step,
        Send("PATCH", "/Users/{user}", patch(operation("replace", "active", value))),
        (expect(check, accepted),),
        then=then(
            "user",
            expect("inactive-shown", status(200)),
            expect(check, active(value)),
            expect("active-boolean", active_boolean),
        ),
        feature="patch",
    )


def _unknown(method: Any, body: Json | None) -> Step:
    return Step(
        f"{method} a user who does not exist",
        Send(method, "/Users/scimsync-probe-{run}", body),
        (expect("unknown-writes", status(404)), expect("error-body", scim_error)),
    )


_PATCHES: Final = (
    _patch(
        "Replace an attribute",
        "patch-replace",
        [operation("replace", "displayName", "Replaced")],
        holds("displayName", "Replaced"),
        holds("name.givenName", "Given"),
    ),
    _patch(
        "Add an attribute",
        "patch-add",
        [operation("add", "nickName", "Added")],
        holds("nickName", "Added"),
    ),
    _patch(
        "Remove an attribute",
        "patch-remove",
        [operation("remove", "nickName")],
        holds("nickName", None),
        holds("displayName", "Replaced"),
    ),
    _patch(
        "Replace attributes without a path",
        "patch-without-path",
        [operation("replace", None, {"displayName": "Without path", "title": "Engineer"})],
        holds("displayName", "Without path"),
        holds("title", "Engineer"),
        holds("userName", "{user.name}"),
    ),
    _patch(
        "Send several operations",
        "patch-several",
        [
            operation("replace", "displayName", "First"),
            operation("add", "nickName", "Second"),
            operation("replace", "displayName", "Third"),
        ],
        holds("displayName", "Third"),
        holds("nickName", "Second"),
    ),
    _patch(
        "Replace a sub-attribute",
        "patch-sub-attribute",
        [operation("replace", "name.familyName", "Changed")],
        holds("name.familyName", "Changed"),
        holds("name.givenName", "Given"),
    ),
    _patch(
        "Replace a complex attribute",
        "patch-complex",
        [operation("replace", "name", {"givenName": "Other", "familyName": "Name"})],
        holds("name.givenName", "Other"),
        holds("name.familyName", "Name"),
    ),
    _patch(
        "Add an element",
        "patch-multi-valued",
        [operation("add", "emails", [{"value": "{run}-home@example.com", "type": "home"}])],
        holds(_HOME, "{run}-home@example.com"),
        holds(_WORK, "{user.name}"),
    ),
    _patch(
        "Replace what a filter selects",
        "patch-value-filter",
        [operation("replace", _WORK, "{run}-work@example.com")],
        holds(_WORK, "{run}-work@example.com"),
    ),
    _patch(
        "Remove what a filter selects",
        "patch-value-filter",
        [operation("remove", 'emails[type eq "home"]')],
        holds(_HOME, None),
        holds(_WORK, "{run}-work@example.com"),
    ),
    _patch(
        "Replace an attribute of an extension",
        "patch-extension",
        [operation("replace", f"{ENTERPRISE}:department", "Development")],
        holds(f"{ENTERPRISE}:department", "Development"),
        holds(f"{ENTERPRISE}:employeeNumber", "{run}"),
        user="extended",
    ),
    _patch(
        "Set the manager",
        "manager",
        [operation("add", f"{ENTERPRISE}:manager", {"value": "{other}"})],
        holds(f"{ENTERPRISE}:manager.value", "{other}"),
        user="extended",
    ),
    _patch(
        "Remove the manager",
        "manager",
        [operation("remove", f"{ENTERPRISE}:manager")],
        holds(f"{ENTERPRISE}:manager.value", None),
        user="extended",
    ),
    _patch(
        "Change the userName",
        "patch-replace",
        [operation("replace", "userName", "{user.renamed}")],
        holds("userName", "{user.renamed}"),
    ),
    Step(
        "Send an operation that does not exist",
        Send("PATCH", "/Users/{user}", patch(operation("transform", "displayName", "Transformed"))),
        (expect("patch-invalid", refused, scim_error),),
        feature="patch",
    ),
)

_PUTS: Final = (
    Step(
        "Replace the user",
        Send(
            "PUT",
            "/Users/{user}",
            {
                "schemas": [USER],
                "id": "{user}",
                "userName": "{user.renamed}",
                "externalId": "{user.externalId}",
                "name": {"givenName": "Put", "familyName": "Family"},
                "emails": [{"value": "{user.renamed}", "type": "work", "primary": True}],
                "active": True,
            },
        ),
        (expect("put", status(200)),),
        then=then(
            "user",
            expect(
                "put",
                holds("name.givenName", "Put"),
                holds(_WORK, "{user.renamed}"),
                holds("id", "{user}"),
                active(True),
            ),
        ),
    ),
    Step(
        "Replace the user as it was read",
        Send("PUT", "/Users/{user}", Changed("user", {"name.familyName": "Again"})),
        (expect("put", status(200)),),
        then=then("user", expect("put", holds("name.familyName", "Again"))),
    ),
)

_VERSIONS: Final = (
    Step(
        "Read the user if it has changed",
        Send("GET", "/Users/{user}", headers=(("If-None-Match", "{user.version}"),)),
        (expect("etag-unchanged", status(304)),),
        feature="etag",
    ),
    Step(
        "Replace an outdated version of the user",
        Send(
            "PATCH",
            "/Users/{user}",
            patch(operation("replace", "displayName", "Outdated")),
            headers=(("If-Match", 'W/"scimsync-probe"'),),
        ),
        (expect("etag", status(412)),),
        feature="etag",
    ),
)

CHANGES: Final = (
    *_PATCHES,
    *_PUTS,
    *_VERSIONS,
    _activate("Deactivate the user", False),
    Step(
        "Find the deactivated user",
        Send("GET", USERS, query=(("filter", 'userName eq "{user.renamed}"'),)),
        (expect("inactive-shown", lists("user")),),
        needs=("user",),
    ),
    _activate("Reactivate the user", True),
    _unknown("PUT", {"schemas": [USER], "userName": "{user.renamed}"}),
    _unknown("PATCH", patch(operation("replace", "active", False))),
    _unknown("DELETE", None),
)
