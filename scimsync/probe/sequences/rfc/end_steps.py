"""Delete groups and users (RFC 7644 section 3.6)."""

from __future__ import annotations

from typing import Final

from scimsync.probe.judges import scim_error, status
from scimsync.probe.judges_of_lists import excludes
from scimsync.probe.sequence import GROUPS, USERS, Send, Step, expect, then
from scimsync.probe.sequences.rfc.user_steps import body_of

ENDS: Final = (
    Step(
        "Delete a group with a member",
        Send("DELETE", "/Groups/{team}"),
        (expect("group-delete", status(204)),),
        then=then("team", expect("group-delete", status(404))),
        part="groups",
    ),
    Step(
        "Read the member after that",
        Send("GET", "/Users/{other}"),
        (expect("group-delete", status(200)),),
        needs=("team",),
        part="groups",
    ),
    Step(
        "Read the groups after that",
        Send("GET", GROUPS, query=(("filter", 'displayName eq "{team.name}"'),)),
        (expect("group-delete", excludes("team")),),
        needs=("team",),
        part="groups",
    ),
    Step(
        "Delete a user",
        Send("DELETE", "/Users/{other}"),
        (expect("delete", status(204)),),
        then=then("other", expect("delete", status(404)), expect("error-body", scim_error)),
    ),
    Step(
        "Delete the user again",
        Send("DELETE", "/Users/{other}"),
        (expect("unknown-writes", status(404)),),
    ),
    Step(
        "Create a user with the name of the deleted one",
        Send("POST", USERS, body_of("other")),
        (expect("delete-frees-name", status(201)),),
        creates="other",
        needs=("other",),
    ),
)
