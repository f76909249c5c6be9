"""Requests as Okta sends them.

okta/okta-developer-docs at 468de9c (2026-08-21).
"""

from __future__ import annotations

from typing import Final

from scimsync.probe.judges import has_id, scim_error, status
from scimsync.probe.sequence import ProviderSequence, Resource, Send, Step, expect

OKTA: Final = ProviderSequence(
    name="okta",
    title="Okta",
    user_agent="Okta SCIM Client 1.0.0",
    headers=(
        ("Accept", "application/scim+json"),
        ("Content-Type", "application/scim+json; charset=utf-8"),
    ),
    resources=(Resource("user"),),
    steps=(
        Step(
            "Create a user",
            Send(
                "POST",
                "/Users",
                {
                    "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                    "userName": "{user.name}",
                    "name": {"givenName": "Probe", "familyName": "Okta"},
                    "emails": [{"primary": True, "value": "{user.name}", "type": "work"}],
                    "displayName": "Probe Okta",
                    "externalId": "{user.externalId}",
                    "groups": [],
                    "active": True,
                },
            ),
            (expect("create-created", status(201)), expect("create-id", has_id)),
            creates="user",
        ),
        Step(
            "Read a user who does not exist",
            Send("GET", "/Users/{run}"),
            (expect("okta-unknown-user", status(404), scim_error),),
        ),
    ),
)
