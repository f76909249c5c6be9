"""Which resources a filter finds."""

from __future__ import annotations

import pytest

from scimsync.scim.filter_matching import matches
from scimsync.scim.filters import parse_filter

ANN = {
    "id": "a1",
    "externalId": "E-7",
    "userName": "Ann@Example.com",
    "active": True,
    "x-level": 5,
    "title": "",
    "nickName": None,
    "x-name": "strauß",
    "name": {"givenName": "Ann"},
    "emails": [
        {"type": "work", "value": "ann@example.com", "primary": True},
        {"type": "home", "value": "ann@home.example.com"},
    ],
    "meta": {"lastModified": "2026-05-13T04:42:34Z"},
    "urn:example:hr:1.0:Person": {"badge": 7},
}


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ('userName eq "ann@example.com"', True),  # not caseExact
        ('USERNAME eq "ann@example.com"', True),
        ('id eq "A1"', False),  # caseExact
        ('externalId eq "e-7"', False),
        ('externalId eq "E-7"', True),
        ('userName ne "ann@example.com"', False),
        ('userName co "EXAMPLE"', True),
        ('userName sw "ann"', True),
        ('userName ew ".com"', True),
        ('userName ew ".org"', False),
        ('x-name sw "strauss"', False),  # another letter, not another case
        ('x-name eq "STRAUß"', True),
        ("active eq true", True),
        ("active eq 1", False),
        ("x-level eq 5.0", True),
        ("x-level gt 5", False),
        ("x-level ge 5", True),
        ("x-level lt 5.5", True),
        ("x-level le 4", False),
        ('x-level gt "4"', False),  # text and numbers do not compare
        ("active gt 0", False),
        ('name.givenName ge "ANN"', True),
        ('name.givenName gt "b"', False),
        # chronological, not alphabetical
        ('meta.lastModified gt "2026-05-13T05:42:34+02:00"', True),
        ('meta.lastModified lt "2026-05-13T05:42:34Z"', True),
        ('meta.lastModified gt "T"', False),
        ('meta.lastModified gt "2026-05-13T00:00:00"', True),  # no time zone: compared as text
        # presence
        ("title pr", False),
        ("nickName pr", False),
        ("name pr", True),
        ("emails.type pr", True),
        ("nickName eq null", True),
        ("userName eq null", False),
        ("nickName ne null", False),
        ('nickName ne "x"', True),
        ('nickName eq "x"', False),
        # multi-valued
        ('emails eq "ann@example.com"', True),
        ('emails.type ne "work"', True),
        ('emails.type eq "other"', False),
        ('emails[type eq "work" and value co "home"]', False),
        ('emails.type eq "work" and emails.value co "home"', True),
        ('name[givenName eq "ann"]', True),
        ("userName[value pr]", False),
        # extensions and the core schema by its URN
        ("urn:example:hr:1.0:Person:badge eq 7", True),
        ("urn:example:hr:1.0:Other:badge eq 7", False),
        ('urn:ietf:params:scim:schemas:core:2.0:User:name.givenName eq "ann"', True),
        # logic
        ('not (id eq "a1") or active eq true and x-level eq 5', True),
        ('not (id eq "a1") and (active eq true or x-level eq 5)', False),
    ],
)
def test_which_resources_a_filter_matches(condition: str, found: bool) -> None:
    assert matches(parse_filter(condition), ANN) is found
