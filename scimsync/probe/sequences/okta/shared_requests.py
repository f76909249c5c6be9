"""Requests that several of Okta's sequences have."""

from __future__ import annotations

from typing import Final

from scimsync.probe.sequence import GROUPS, USERS, Send
from scimsync.probe.sequences.bodies import GROUP, USER, Json

PAGE: Final = (("startIndex", "1"), ("count", "100"))


def look_up_user(name: str) -> Send:
    """Return the look-up before a user is assigned: Determine if the User already exists."""
    return Send("GET", USERS, query=(("filter", f'userName eq "{{{name}.name}}"'), *PAGE))


def look_up_group(name: str) -> Send:
    """Return the look-up of a group that was not imported."""
    return Send("GET", GROUPS, query=(("filter", f'displayName eq "{{{name}.name}}"'), *PAGE))


def assigned_user(name: str) -> Send:
    """Return the creation of a user: Okta adds a random password, even if it syncs none."""
    body: Json = {
        "schemas": [USER],
        "userName": f"{{{name}.name}}",
        "name": {"givenName": "Probe", "familyName": "Assigned"},
        "emails": [{"primary": True, "value": f"{{{name}.name}}", "type": "work"}],
        "displayName": "Probe Assigned",
        "locale": "en-US",
        "externalId": f"{{{name}.externalId}}",
        "groups": [],
        "password": "{run}-Aa1!",
        "active": True,
    }
    return Send("POST", USERS, body)


def pushed_group(name: str) -> Send:
    """Return the creation of a group by Push Groups."""
    return Send(
        "POST",
        GROUPS,
        {"schemas": [GROUP], "displayName": f"{{{name}.name}}", "members": []},
    )


def member(name: str) -> Json:
    """Return a member as Okta writes it."""
    return {"value": f"{{{name}}}", "display": f"{{{name}.name}}"}
