"""The sequences send what the documentation of the providers publishes.

The golden files were compared with the pages that the modules of the sequences cite.
"""

from __future__ import annotations

import json
import re

import pytest

from scimsync.probe.sequences import SEQUENCES
from tests.probe.golden_requests import GOLDEN, requests_of

SPEC_TEST = (
    ("Test Users endpoint", "GET /Users?count=1&startIndex=1"),
    ("Get Users/{id}", "GET /Users/ID"),
    ("Test invalid User by username", "GET /Users?filter=userName%20eq%20NAME"),
    ("Test invalid User by ID", "GET /Users/ID"),
    ("Make sure random user doesn't exist", "GET /Users?filter=userName%20eq%20NAME"),
    ("Create Okta user with realistic values", "POST /Users"),
    ("Verify that user was created", "GET /Users/ID"),
    ("Expect failure when recreating user with same values", "POST /Users"),
    ("Username Case Sensitivity Check", "GET /Users?filter=userName%20eq%20NAME"),
    ("Verify Groups endpoint", "GET /Groups"),
    ("Check status 401", "GET /Users?filter=userName%20eq%20NAME"),
    ("Check status 404", "GET /Users/ID"),
)
"""The notes and requests of Okta-SCIM-20-SPEC-Test.json (okta/okta-developer-docs, 2024-05-13)."""

SPEC_HEADERS = {
    "GET": {
        "Accept": "application/scim+json",
        "Accept-Charset": "utf-8",
        "Content-Type": "application/scim+json; charset=utf-8",
        "User-Agent": "OKTA SCIM Integration",
    },
    "POST": {
        "Accept": "application/scim+json; charset=utf-8",
        "Content-Type": "application/json",
    },
}


@pytest.mark.parametrize("provider", SEQUENCES)
def test_a_sequence_sends_the_published_requests(provider: str) -> None:
    expected = json.loads((GOLDEN / f"{provider}.json").read_text("utf-8"))

    assert requests_of(provider) == expected


def test_the_spec_test_of_okta_is_sent_as_it_is_published() -> None:
    sent = requests_of("okta")
    first = [one["step"] for one in sent].index(SPEC_TEST[0][0])
    steps = sent[first : first + len(SPEC_TEST)]

    shown = [(one["step"], re.sub(r"(Users/).+|%22.+%22", r"\1", one["request"])) for one in steps]
    wanted = [(step, request.replace("ID", "").replace("NAME", "")) for step, request in SPEC_TEST]
    assert shown == wanted
    for one in steps:
        method = one["request"].partition(" ")[0]
        assert SPEC_HEADERS[method].items() <= one["headers"].items()
    created = next(one["body"] for one in steps if one["body"])
    assert list(created) == ["schemas", "userName", "name", "emails", "displayName", "active"]
