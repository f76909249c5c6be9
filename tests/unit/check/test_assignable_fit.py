"""Whether the roles of users exist at a target, with seats left for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from scimsync.cli.commands.check.assignable_fit import assignable_paths, check_assignable
from scimsync.cli.commands.check.check_results import Subject
from scimsync.cli.commands.check.mapped_values import MappedValues
from scimsync.desired.program import Desired
from scimsync.model.ids import Document, Key
from scimsync.model.service_provider import (
    Assignable,
    AssignableList,
    Assigning,
    Capabilities,
    Discovery,
)

Found = list[tuple[str | None, str, tuple[str, ...]]]
DECLARED = Capabilities(roles=Assigning(supported=True))
ADMIN = Assignable(("admin",), permitted=3, used=2)


def discovery_of(*roles: Assignable, is_whole: bool = True) -> Discovery:
    return Discovery(roles=AssignableList(roles, is_whole))


def found(discovery: Discovery, *roles: Sequence[str], held: Sequence[Document] = ()) -> Found:
    """Return the findings where users have `roles`, and accounts hold the documents `held`."""
    values = MappedValues()
    for number, some in enumerate(roles, start=1):
        document: Document = {"roles": [{"value": role} for role in some]}
        values.add(Desired(Key(str(number)), in_scope=True, document=document))
    mapped = assignable_paths(["userName", "roles"])
    results = check_assignable(
        Subject("target", "wiki"), discovery, mapped, values, lambda: iter(held)
    )
    return [(one.code, one.message, one.details) for one in results]


def test_paths_of_roles_and_entitlements_are_known() -> None:
    paths = ["roles", 'entitlements[type eq "x"].value', "roles[primary eq true].display", "title"]
    assert assignable_paths(paths) == {"roles": paths[:1], "entitlements": paths[1:2]}


def test_roles_that_exist_are_fine() -> None:
    assert found(discovery_of(Assignable(("1", "Admin"))), ["admin"], ["1"], []) == []


def test_roles_that_do_not_exist_are_named_with_their_users() -> None:
    assert found(discovery_of(ADMIN), ["boss"], ["admin", "boss"], ["owner"]) == [
        (
            "SYNC-0440",
            "2 of its roles do not exist at the target",
            ("boss: 2 users, first 1", "owner: 1 user, first 3"),
        )
    ]


@pytest.mark.parametrize(
    ("discovery", "why"),
    [
        (Discovery(DECLARED, untold={"/Roles": "GET /Roles: 404"}), "GET /Roles: 404"),
        (Discovery(DECLARED), "they were not read"),
        (discovery_of(is_whole=False), "the target lists only some"),
    ],
)
def test_it_cannot_be_told_without_a_whole_list(discovery: Discovery, why: str) -> None:
    ((code, message, _),) = found(discovery, ["boss"])
    assert (code, message) == ("SYNC-0424", f"cannot tell whether its roles exist: {why}")


def test_a_target_that_does_not_declare_a_list_of_roles_needs_none() -> None:
    assert found(Discovery(untold={"/Roles": "GET /Roles: 404"}), ["boss"]) == []


def test_roles_that_are_not_supported_any_more_are_named() -> None:
    ((code, message, details),) = found(discovery_of(replace(ADMIN, supported=False)), ["admin"])
    assert (code, message) == ("SYNC-0441", "1 of its roles is no longer assigned by the target")
    assert details == ("admin: 1 user, first 1",)


def test_one_role_for_each_user_is_a_limit() -> None:
    can = Capabilities(roles=Assigning(supported=False, multiple=False))
    discovery = replace(discovery_of(Assignable(("a",)), Assignable(("b",))), capabilities=can)
    assert [one[1] for one in found(discovery, ["a", "b"], ["a"])] == [
        "declares that it does not support roles",
        "takes one of its roles for each user, and 1 user has several",
    ]


@pytest.mark.parametrize(
    ("role", "users", "held", "line"),
    [
        (ADMIN, 1, 0, None),
        # one seat is free
        (ADMIN, 2, 0, "admin: 2 users, 0 of them have it; 3 seats, 1 free"),
        (ADMIN, 3, 2, None),
        (ADMIN, 4, 2, "admin: 4 users, 2 of them have it; 3 seats, 1 free"),
        # what is used is not told
        (replace(ADMIN, used=None), 3, 0, None),
        (replace(ADMIN, used=None), 4, 0, "admin: 4 users, 0 of them have it; 3 seats"),
        (replace(ADMIN, used=None), 3, 2, None),
        (replace(ADMIN, permitted=None), 40, 0, None),
    ],
)
def test_seats_that_are_left_are_compared_with_users_who_need_one(
    role: Assignable, users: int, held: int, line: str | None
) -> None:
    documents: list[Document] = [{"roles": [{"value": "admin"}]}] * held
    results = found(discovery_of(role), *[["admin"]] * users, held=documents)
    message = "1 of its roles has too few seats"
    assert results == ([] if line is None else [("SYNC-0442", message, (line,))])
