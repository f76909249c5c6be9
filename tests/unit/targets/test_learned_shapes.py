"""What is learned of the shapes that a target takes, and remembered from run to run."""

from __future__ import annotations

from datetime import date

import pytest

from scimsync.model.ids import Kind
from scimsync.model.service_provider import Capabilities
from scimsync.model.target_memory import LearnedShape, TargetState
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.scim.shapes import Axis
from scimsync.scim.shaping import Use
from scimsync.targets.learned_shapes import Alternative, LearnedShapes, open_shapes

TODAY = date(2026, 11, 1)
WRITE: Use = ("setting", Axis.WRITE)
PATH: Use = ("setting", Axis.PATH)
MANAGER: Use = ("setting", Axis.MANAGER)
REMOVAL: Use = ("removing", Axis.MEMBER_REMOVAL)


def shapes(**remembered: LearnedShape) -> LearnedShapes:
    lessons = {name.replace("_", " ", 2): lesson for name, lesson in remembered.items()}
    return LearnedShapes(ShapedDialect(adapts=True), lessons, TODAY)


def first(known: LearnedShapes, use: Use, choice: str) -> Alternative:
    (found,) = [
        one
        for one in known.alternatives(Kind.USER, [use])
        if (one.use, one.choice) == (use, choice)
    ]
    return found


def test_a_choice_needs_a_proof_once() -> None:
    known = shapes()
    assert not known.knows(Kind.USER, [WRITE, PATH])
    known.prove(Kind.USER, [WRITE, PATH], "PATCH /Users")
    assert known.knows(Kind.USER, [WRITE, PATH])
    assert not known.knows(Kind.GROUP, [WRITE])
    assert known.learned["user setting path"] == LearnedShape("path", "PATCH /Users", "2026-11-01")


def test_alternatives_move_one_axis_and_end_with_put() -> None:
    tried = [(one.use[1], one.choice) for one in shapes().alternatives(Kind.USER, [WRITE, MANAGER])]
    assert tried == [(Axis.MANAGER, "object"), (Axis.MANAGER, "nested"), (Axis.WRITE, "put")]
    first_by_put = next(iter(shapes().alternatives(Kind.USER, [PATH], put_first=True)))
    assert first_by_put.choice == "put"


def test_a_choice_that_was_ignored_is_not_trusted_after_some_trials() -> None:
    known = shapes()
    for _ in range(2):
        known.give_up(Kind.USER, [WRITE, PATH], ignored=True)
    assert known.has_given_up(Kind.USER, [WRITE, PATH])
    assert not known.knows(Kind.USER, [WRITE, PATH])


def test_another_choice_has_to_take_a_deactivation_again() -> None:
    known = shapes()
    known.prove_deactivation(Kind.USER, "PATCH /Users")
    assert shapes(**known.learned).takes_deactivations(Kind.USER)
    known.move(Kind.USER, ["x"], first(known, MANAGER, "object"), "why")
    assert not known.takes_deactivations(Kind.USER)


def test_a_move_is_remembered_for_one_type_of_resource() -> None:
    known = shapes()
    known.move(Kind.USER, ["x"], first(known, MANAGER, "object"), "manager: 400 invalidPath")
    assert known.dialect.user.setting.manager == "object"
    assert known.dialect.user.removing.manager == "value"
    assert known.dialect.group.setting.manager == "value"

    again = LearnedShapes(ShapedDialect(adapts=True), known.learned, TODAY)
    assert again.dialect == known.dialect
    assert again.learned == known.learned


def test_a_choice_that_works_for_others_is_not_moved() -> None:
    known = shapes()
    known.prove(Kind.USER, [MANAGER], "PATCH /Users")
    known.move(Kind.USER, ["x"], first(known, MANAGER, "object"), "why")
    assert known.dialect.user.setting.manager == "value"


def test_patch_is_tried_where_put_is_refused_that_worked_before() -> None:
    known = shapes(user_setting_write=LearnedShape("put", "PATCH: 501", "2026-10-01"))
    (patch,) = known.alternatives(Kind.USER, [WRITE], put_first=True)
    known.move(Kind.USER, ["active"], patch, "active: PUT: 405")
    assert not known.dialect.user.writes_by_put
    assert known.learned["user setting write"].choice == "patch"


def test_what_only_put_changes_is_kept_by_attribute_if_patch_works() -> None:
    known = shapes()
    known.prove(Kind.USER, [WRITE], "PATCH /Users")
    known.move(Kind.USER, ["Title"], first(known, WRITE, "put"), "title: 400")
    assert known.dialect.user.by_put == {"title"}
    again = LearnedShapes(ShapedDialect(adapts=True), known.learned, TODAY)
    assert again.dialect.user.by_put == {"title"}


def test_after_two_trials_without_success_the_first_choice_is_trusted() -> None:
    known = shapes()
    known.give_up(Kind.GROUP, [REMOVAL])
    assert not known.knows(Kind.GROUP, [REMOVAL])
    known.give_up(Kind.GROUP, [REMOVAL])
    assert known.knows(Kind.GROUP, [REMOVAL])
    assert known.learned == {}


@pytest.mark.parametrize(
    "name",
    ["user_setting_colour", "device_setting_write", "user_asking_write", "user_setting_words", "x"],
)
def test_what_this_version_does_not_know_is_forgotten(name: str) -> None:
    assert shapes(**{name: LearnedShape("legacy", "", "2026-10-01")}).learned == {}


def test_a_target_that_declares_no_patch_begins_with_put() -> None:
    known = open_shapes(
        DIALECTS["auto"], TargetState("wiki"), "u", TODAY, {}, lambda: Capabilities(patch=False)
    )
    assert known is not None
    assert known.dialect.user.writes_by_put
    assert known.dialect.group.writes_by_put


def test_a_known_shape_is_fixed() -> None:
    known = open_shapes(
        DIALECTS["auto"], TargetState("wiki"), "u", TODAY, {"manager": "object"}, Capabilities
    )
    assert known is not None
    assert known.dialect.user.removing.manager == "object"
    assert [one.choice for one in known.alternatives(Kind.USER, [MANAGER])] == ["put"]


def test_what_was_learned_at_another_url_does_not_count() -> None:
    lessons = {"user setting manager": LearnedShape("object", "", "2026-10-01")}
    state = TargetState("wiki", url="old", shapes=lessons)
    known = open_shapes(DIALECTS["auto"], state, "new", TODAY, {}, Capabilities)
    assert known is not None
    assert known.learned == {}


def test_a_fixed_dialect_learns_nothing() -> None:
    rfc = DIALECTS["rfc"]
    assert open_shapes(rfc, TargetState("wiki"), "u", TODAY, {}, Capabilities) is None
