"""Create and read users (RFC 7644 sections 3.3 and 3.4.1)."""

from __future__ import annotations

from typing import Final

from scimsync.probe.judges import (
    active,
    active_boolean,
    has_id,
    holds,
    scim_error,
    status,
    unchanged,
)
from scimsync.probe.judges_of_form import (
    has_location,
    has_meta,
    scim_media_type,
    shows_no,
    shows_only,
)
from scimsync.probe.more_judges import takes_media_type
from scimsync.probe.sequence import USERS, Send, Step, expect, then
from scimsync.probe.sequences.bodies import ENTERPRISE, USER, Json


def body_of(name: str) -> Json:
    """Return a user with attributes of the core schema."""
    return {
        "schemas": [USER],
        "userName": f"{{{name}.name}}",
        "externalId": f"{{{name}.externalId}}",
        "name": {"givenName": "Given", "familyName": "Family"},
        "displayName": "Given Family",
        "emails": [{"value": f"{{{name}.name}}", "type": "work", "primary": True}],
        "active": True,
    }


def _extended(name: str) -> Json:
    """Return a user with attributes of the enterprise extension."""
    return {
        **body_of(name),
        "schemas": [USER, ENTERPRISE],
        ENTERPRISE: {"department": "Research", "employeeNumber": "{run}"},
    }


USER_STEPS: Final = (
    Step(
        "Create a user",
        Send("POST", USERS, body_of("user")),
        (
            expect("media-type-accepted", takes_media_type),
            expect("create-created", status(201)),
            expect("create-id", has_id),
            expect("create-location", has_location),
            expect("create-meta", has_meta("User")),
            expect("media-type", scim_media_type),
        ),
        creates="user",
        then=then(
            "user",
            expect(
                "create-stores",
                holds("userName", "{user.name}"),
                holds("name.givenName", "Given"),
                holds("name.familyName", "Family"),
                holds("displayName", "Given Family"),
                holds('emails[type eq "work"].value', "{user.name}"),
                active(True),
            ),
            expect("external-id", holds("externalId", "{user.externalId}")),
            expect("active-boolean", active_boolean),
        ),
    ),
    Step(
        "Create a second user",
        Send("POST", USERS, body_of("other")),
        (expect("create-created", status(201)), expect("create-id", has_id)),
        creates="other",
    ),
    Step(
        "Create a user with the enterprise extension",
        Send("POST", USERS, _extended("extended")),
        (expect("extension", status(201)),),
        creates="extended",
        then=then("extended", expect("extension", holds(f"{ENTERPRISE}:department", "Research"))),
    ),
    Step(
        "Read a user",
        Send("GET", "/Users/{user}"),
        (
            expect("get", status(200), holds("id", "{user}")),
            expect("create-meta", has_meta("User")),
            expect("media-type", scim_media_type),
        ),
    ),
    Step(
        "Read one attribute of a user",
        Send("GET", "/Users/{user}", query=(("attributes", "userName"),)),
        (expect("attributes", shows_only("userName")),),
    ),
    Step(
        "Read a user without one attribute",
        Send("GET", "/Users/{user}", query=(("excludedAttributes", "emails"),)),
        (expect("excluded-attributes", shows_no("emails")),),
    ),
    Step(
        "Create the user again",
        Send("POST", USERS, body_of("user") | {"displayName": "Duplicate"}),
        (expect("duplicate-conflict", status(409)),),
        creates="user",
    ),
    Step(
        "Read a user who does not exist",
        Send("GET", "/Users/scimsync-probe-{run}"),
        (expect("unknown-not-found", status(404)), expect("error-body", scim_error)),
    ),
    Step(
        "Read the first user after that",
        Send("GET", "/Users/{user}"),
        (expect("duplicate-conflict", unchanged("displayName", "Duplicate")),),
    ),
)
