"""Given operations are the same after they were written to a plan file and read back."""

from __future__ import annotations

from scimsync.model.ids import Key, Kind, RemoteId
from scimsync.plan.given_operations import GivenPlan, GivenTarget
from scimsync.plan.saved import SavedPlan
from scimsync.run.given_file import given_document, given_in

GIVEN = GivenTarget(member_ids={(Kind.USER, Key("a")): RemoteId("id-a")})


def read_back(document: dict[str, object]) -> GivenPlan | None:
    return given_in(SavedPlan("undo.plan", (), (), {}, {}, "", carried={"wiki": document}))


def test_ids_of_members_are_saved() -> None:
    document = given_document(GivenPlan("plan", {"wiki": GIVEN}))["wiki"]

    assert read_back(document) == GivenPlan("plan", {"wiki": GIVEN})


def test_a_file_of_an_earlier_version_has_no_ids_of_members() -> None:
    document = given_document(GivenPlan("plan", {"wiki": GIVEN}))["wiki"]
    del document["member_ids"]

    assert read_back(document) == GivenPlan("plan", {"wiki": GivenTarget()})
