"""Discovery (RFC 7644 section 4), and requests without valid credentials."""

from __future__ import annotations

from typing import Final

from scimsync.probe.judges import scim_error, status
from scimsync.probe.judges_of_form import lists_values, says_what_is_supported, scim_media_type
from scimsync.probe.sequence import USERS, Send, Step, expect
from scimsync.probe.sequences.bodies import GROUP, USER

DISCOVERY: Final = (
    Step(
        "Read the configuration of the server",
        Send("GET", "/ServiceProviderConfig"),
        (
            expect("service-provider-config", says_what_is_supported),
            expect("media-type", scim_media_type),
        ),
        part="discovery",
    ),
    Step(
        "Read the resource types",
        Send("GET", "/ResourceTypes"),
        (expect("resource-types", lists_values("endpoint", "/Users", "/Groups")),),
        part="discovery",
    ),
    Step(
        "Read the schemas",
        Send("GET", "/Schemas"),
        (expect("schemas", lists_values("id", USER, GROUP)),),
        part="discovery",
    ),
    Step(
        "Read users with a wrong token",
        Send("GET", USERS, query=(("count", "1"),)),
        (expect("unauthorized", status(401)), expect("unauthorized-body", scim_error)),
        wrong_token=True,
        part="discovery",
    ),
)
