"""The requests of Microsoft Entra ID about roles, in the three mappings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from scimsync.jsontext import json_text
from scimsync.probe.judges import (
    holds,
    status,
)
from scimsync.probe.sequence import (
    USERS,
    Send,
    Step,
    expect,
    then,
)
from scimsync.probe.sequences.bodies import Json, operation
from scimsync.probe.sequences.entra.style import (
    Style,
    change,
    user,
)

_ID: Final = "06b07648-ecfe-589f-9d2f-6325724a46ee"
_ROLE: Final = "WindowsAzureActiveDirectoryRole"


def role_steps(style: Style) -> Iterator[Step]:
    """Yield the requests about roles."""
    single = [{"primary": True, "type": _ROLE, "value": "Admin"}]
    yield Step(
        "Create a user with one role",
        Send("POST", USERS, user("single", roles=single), style.query()),
        (expect("create-with-roles", status(201)),),
        then=then("single", expect("create-with-roles", holds("roles", [{"value": "Admin"}]))),
        creates="single",
    )
    yield change(
        style,
        "Replace the primary role",
        "single",
        [operation(style.op("replace"), 'roles[primary eq "True"].value', "User")],
        "roles-primary",
        holds("roles", [{"value": "User"}]),
    )
    several = [
        {"primary": False, "type": _ROLE, "displayName": one, "value": one}
        for one in ("Admin", "User")
    ]
    yield Step(
        "Create a user with several roles",
        Send("POST", USERS, user("several", roles=several), style.query()),
        (expect("create-with-roles", status(201)),),
        then=then(
            "several",
            expect("create-with-roles", holds("roles", [{"value": "Admin"}, {"value": "User"}])),
        ),
        creates="several",
    )
    yield change(
        style,
        "Replace all roles",
        "several",
        [
            operation(
                "replace",
                "roles",
                [{"primary": False, "type": _ROLE, "display": "Test", "value": "Test"}],
            )
        ],
        "roles-replace",
        holds("roles", [{"value": "Test"}]),
    )
    yield _add_role(style)


def _add_role(style: Style) -> Step:
    if style.capital:
        role = {
            "id": "06b07648-ecfe-589f-9d2f-6325724a46ee",
            "value": "More",
            "displayName": "More",
        }
        added: Json = {"value": json_text(role)}
        check = "roles-json-text"
        held = [{"value": "Test"}]
    else:
        added = {"primary": False, "type": _ROLE, "displayName": "More", "value": "More"}
        check = "roles-add"
        held = [{"value": "Test"}, {"value": "More"}]
    judges = (holds("roles", held),) if not style.capital else ()
    return change(
        style,
        "Add a role",
        "several",
        [operation(style.op("add"), "roles", [added])],
        check,
        *judges,
    )
