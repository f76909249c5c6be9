"""The requests of Microsoft Entra ID about users."""

from __future__ import annotations

from collections.abc import Iterator

from scimsync.probe.judges import (
    accepted,
    active,
    has_id,
    holds,
    list_response,
    lists,
    lists_nothing,
    status,
)
from scimsync.probe.more_judges import manager_is, takes_media_type
from scimsync.probe.sequence import (
    USERS,
    Send,
    Step,
    expect,
    then,
)
from scimsync.probe.sequences.bodies import ENTERPRISE, Json, operation, patch
from scimsync.probe.sequences.entra.style import (
    RANDOM,
    Style,
    change,
    look_up,
    user,
)


def user_steps(style: Style) -> Iterator[Step]:
    """Yield the requests about users, until before their deletion."""
    yield from _look_ups(style)
    yield from _users(style)
    yield from _disabling(style)
    yield from _changes(style)


def _look_ups(style: Style) -> Iterator[Step]:
    yield Step(
        "Test the connection: look up a random user",
        look_up(style, USERS, f'userName eq "{RANDOM}"'),
        (expect("filter-nothing", lists_nothing),),
    )
    yield Step(
        "Look up the user before it is created",
        look_up(style, USERS, 'userName eq "{user.name}"'),
        (expect("filter-nothing", lists_nothing),),
    )


def _users(style: Style) -> Iterator[Step]:
    for name in ("boss", "user"):
        yield Step(
            f"Create the {name}",
            Send("POST", USERS, user(name, roles=[]), style.query()),
            (
                expect("media-type-accepted", takes_media_type),
                expect("create-created", status(201)),
                expect("create-id", has_id),
            ),
            then=then(name, expect("create-stores", holds("userName", f"{{{name}.name}}"))),
            creates=name,
        )
    yield Step(
        "Get the user",
        Send("GET", "/Users/{user}", query=style.query()),
        (
            expect("get", status(200)),
            expect("external-id", holds("externalId", "{user.externalId}")),
        ),
    )
    yield Step(
        "Look up the user by userName",
        look_up(style, USERS, 'userName eq "{user.name}"'),
        (expect("filter-user-name", lists("user")),),
        needs=("user",),
    )
    yield Step(
        "Look up the user by externalId, without quotes",
        look_up(style, USERS, "externalId eq {user.externalId}"),
        (expect("filter-unquoted", lists("user")),),
        needs=("user",),
    )


def _changes(style: Style) -> Iterator[Step]:
    op = style.op
    yield change(
        style,
        "Change the userName",
        "user",
        [operation(op("replace"), "userName", "{user.renamed}")],
        "patch-user-name",
        holds("userName", "{user.renamed}"),
    )
    yield change(
        style,
        "Add a value",
        "user",
        [operation(op("add"), "nickName", "Babs")],
        "patch-add",
        holds("nickName", "Babs"),
    )
    if style.capital:
        yield _replace_one_by_one(style)
    else:
        yield _replace_by_keys(style)
    yield change(
        style,
        "Set the manager",
        "user",
        [operation(op("add"), f"{ENTERPRISE}:manager", "{boss}")],
        "manager-text",
        manager_is("boss"),
    )
    yield Step(
        "Ask whether the user has this manager",
        look_up(style, USERS, 'id eq "{user}" and manager eq "{boss}"', ("attributes", "id")),
        (expect("filter-manager", list_response),),
    )


def _replace_one_by_one(style: Style) -> Step:
    """Without the flag, several values are replaced by one operation for each."""
    values = {
        "displayName": "Pvlo",
        'emails[type eq "work"].value': "{run}-changed@example.com",
        "name.givenName": "Gtfd",
        "name.familyName": "Pkqf",
        f"{ENTERPRISE}:employeeNumber": "Eqpj",
    }
    return change(
        style,
        "Replace several values",
        "user",
        [operation("Replace", path, value) for path, value in values.items()],
        "patch-several",
        *(holds(path, value) for path, value in values.items()),
    )


def _replace_by_keys(style: Style) -> Step:
    """With the flag, one object has them, with paths as names; filters are sent separately."""
    keys = {
        "displayName": "Bjfe",
        "name.givenName": "Kkom",
        "name.familyName": "Unua",
        f"{ENTERPRISE}:employeeNumber": "Aklq",
    }
    email = 'emails[type eq "work"].value'
    operations = [
        operation("replace", email, "{run}-changed@example.com"),
        operation("replace", None, keys),
    ]
    return change(
        style,
        "Replace several values",
        "user",
        operations,
        "patch-keys-are-paths",
        holds(email, "{run}-changed@example.com"),
        *(holds(path, value) for path, value in keys.items()),
    )


def _disabling(style: Style) -> Iterator[Step]:
    op = style.op
    check, back = ("patch-active-text",) * 2 if style.capital else ("deactivate", "reactivate")
    off = [operation(op("replace"), "active", style.disabled(True))]
    on = [operation(op("replace"), "active", style.disabled(False))]
    yield _disable(style, "Disable the user", off, check)
    yield Step(
        "Look up the disabled user",
        look_up(style, USERS, 'userName eq "{user.name}"'),
        (expect("inactive-shown", lists("user")),),
        needs=("user",),
    )
    yield change(style, "Enable the user again", "user", on, back, active(True))
    if style.capital:
        boolean = [operation("Replace", "active", False)]
        yield _disable(style, "Disable the user with a boolean", boolean, "operation-case")
        again = [operation("Replace", "active", True)]
        yield change(
            style, "Enable the user with a boolean", "user", again, "operation-case", active(True)
        )


def _disable(style: Style, name: str, operations: list[Json], check: str) -> Step:
    return Step(
        name,
        Send("PATCH", "/Users/{user}", patch(*operations), style.query()),
        (expect(check, accepted),),
        then=then(
            "user",
            expect("inactive-shown", status(200)),
            expect(check, active(False)),
        ),
    )
