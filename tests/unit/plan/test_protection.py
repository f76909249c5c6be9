"""Which linked accounts the filters of `protect` match, over the acknowledged document."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from scimsync.model.ids import Kind
from scimsync.model.links import LinkStatus
from scimsync.model.placeholders import SecretValue
from scimsync.plan.protection import link_protected_by, protected_by
from scimsync.scim.filters import parse_filter
from tests.unit.plan.building import link, policy

WORK = 'emails[type eq "work"].value'
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"


@pytest.mark.parametrize(
    ("condition", "document", "matches"),
    [
        ('userName sw "svc-"', {"userName": "SVC-backup"}, True),
        ('userName sw "svc-"', {"userName": "ann"}, False),
        ('roles.value eq "admin"', {"roles": [{"value": "x"}, {"value": "Admin"}]}, True),
        ('roles eq "admin"', {"roles": [{"value": "admin"}]}, True),
        ('emails.value ew "@root.example.com"', {WORK: "a@root.example.com"}, True),
        ('emails[type eq "work" and value co "root"]', {WORK: "a@root.example.com"}, True),
        ('emails[type eq "home"]', {WORK: "a@root.example.com"}, False),
        ('name.familyName eq "Root"', {"name.familyName": "root"}, True),
        (f'{ENTERPRISE}:department eq "IT"', {f"{ENTERPRISE}:department": "IT"}, True),
        ('id eq "id-1"', {}, True),
        ('not (userName sw "p")', {"userName": "ann"}, True),
        # both whole and in parts, as a refused change may leave it
        (
            'userName eq "ann"',
            {"name": {"givenName": "A"}, "name.givenName": "A", "userName": "ann"},
            True,
        ),
        ("password pr", {"password": SecretValue("digest")}, False),
    ],
)
def test_the_acknowledged_document_decides(
    condition: str, document: dict[str, Any], matches: bool
) -> None:
    rules = policy(protect=(parse_filter('userName eq "nobody"'), parse_filter(condition)))
    assert link_protected_by(rules, link(document=document)) == (condition if matches else None)


def test_neither_groups_nor_links_without_an_account_are_protected() -> None:
    rules = policy(protect=(parse_filter("id pr"),))
    assert link_protected_by(rules, link(LinkStatus.DELETED)) is None
    assert link_protected_by(rules, replace(link(), kind=Kind.GROUP)) is None
    assert protected_by(rules, Kind.GROUP, {"id": "1"}) is None
    assert protected_by(rules, Kind.USER, {"id": "1"}) == "id pr"
