"""Which groups contradict what the group of the same name held."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.model.ids import RemoteId
from scimsync.targets.foreign_groups import is_foreign

PUT = {RemoteId("1"), RemoteId("2")}
DOCUMENT = {"displayName": "Admins", "externalId": "a-1"}

CASES: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
    ({}, DOCUMENT, False),
    ({"externalId": "a-1"}, DOCUMENT, False),
    ({"externalId": "", "members": []}, DOCUMENT, False),
    ({"externalId": None}, {"displayName": "Admins"}, False),
    ({"members": [{"value": "1"}, {"value": "2"}]}, DOCUMENT, False),
    ({"externalId": "a-2"}, DOCUMENT, True),
    ({"externalId": "a-2"}, {"displayName": "Admins"}, True),  # scimsync gave it none
    ({"members": [{"value": "1"}, {"value": "root"}]}, DOCUMENT, True),
    ({"externalId": "a-1", "Members": [{"Value": "root"}]}, DOCUMENT, True),
]


@pytest.mark.parametrize(("shown", "document", "expected"), CASES)
def test_another_external_id_or_member_contradicts(
    shown: dict[str, Any], document: dict[str, Any], expected: bool
) -> None:
    assert is_foreign({"displayName": "Admins", **shown}, document, PUT) is expected
