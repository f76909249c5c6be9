"""What every sequence keeps to, so that the engine can remove what it makes and judge each step."""

from __future__ import annotations

import re

import pytest

from scimsync.probe.memory import NAME_PREFIX, Memory
from scimsync.probe.run import with_needed
from scimsync.probe.sequence import GROUPS, USERS, MadeResource, ProviderSequence
from scimsync.probe.sequences import SEQUENCES

ALL = pytest.mark.parametrize("sequence", SEQUENCES.values(), ids=SEQUENCES)


@ALL
def test_steps_have_names_of_their_own(sequence: ProviderSequence) -> None:
    names = [step.name for step in sequence.steps]

    assert len(names) == len(set(names))


@ALL
def test_whatever_a_step_creates_is_declared_and_has_a_name_of_the_probe(
    sequence: ProviderSequence,
) -> None:
    declared = {one.name: one for one in sequence.resources}
    for step in sequence.steps:
        if step.send.method != "POST" or step.send.path not in (USERS, GROUPS):
            assert step.creates is None
            continue
        assert step.creates is not None, step.name
        assert declared[step.creates].endpoint == step.send.path
        attribute = "displayName" if step.send.path == GROUPS else "userName"
        assert isinstance(step.send.body, dict)
        names = {f"{{{step.creates}.{which}}}" for which in ("name", "upper")}
        assert step.send.body[attribute] in names


@ALL
def test_only_what_the_probe_has_made_is_changed(sequence: ProviderSequence) -> None:
    declared = {one.name for one in sequence.resources}
    for step in sequence.steps:
        if step.send.method in ("PUT", "PATCH", "DELETE"):
            (target,) = re.findall(r"/(?:Users|Groups)/(.+)", step.send.path)
            name = target.strip("{}")
            assert name in declared or "{run}" in target or "run" in target, step.name


@ALL
def test_a_write_is_judged_by_its_status_and_what_it_has_stored(
    sequence: ProviderSequence,
) -> None:
    for step in sequence.steps:
        if step.send.method in ("PUT", "PATCH"):
            assert step.expects, step.name
            back = {one.check for one in step.then.expects} if step.then else set()
            refusal = step.then is None
            assert refusal or back, step.name


@ALL
def test_checks_of_groups_need_the_users_who_are_members_only(
    sequence: ProviderSequence,
) -> None:
    groups = [step for step in sequence.steps if step.part == "groups"]
    taken = list(with_needed(sequence.steps, groups))

    assert [step for step in taken if step.part == "groups"] == groups
    others = [step for step in taken if step.part != "groups"]
    assert {step.send.method for step in others} <= {"POST", "GET"}
    assert len(taken) < len(sequence.steps)


def test_names_are_of_this_run_and_cannot_belong_to_anybody() -> None:
    memory = Memory("0a1b2c", "okta", (MadeResource("user"), MadeResource("group", GROUPS)))

    assert memory.names("user") == (
        "scimsync-probe-0a1b2c-okta-user@example.com",
        "scimsync-probe-0a1b2c-okta-user-renamed@example.com",
        "SCIMSYNC-PROBE-0A1B2C-OKTA-USER@EXAMPLE.COM",
    )
    assert all(name.lower().startswith(NAME_PREFIX) for name in memory.names("group"))


def test_ids_are_encoded_in_paths_and_other_braces_stay() -> None:
    memory = Memory("0a1b2c", "okta", (MadeResource("user"),))
    memory.learn("user", "a/b c")

    assert memory.target("/Users/{user}", ()) == "/Users/a%2Fb%20c"
    assert memory.target("/Users", (("aadOptscim062020", None), ("filter", 'id eq "{user}"'))) == (
        "/Users?aadOptscim062020&filter=id%20eq%20%22a%2Fb%20c%22"
    )
    assert memory.fill({"value": '{"id":"{user}"}'}) == {"value": '{"id":"a/b c"}'}
