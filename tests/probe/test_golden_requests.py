"""The sequences send what the documentation of the providers publishes.

The golden files were compared with the pages that the modules of the sequences cite.
"""

from __future__ import annotations

import json

import pytest

from tests.probe.golden_requests import GOLDEN, requests_of


@pytest.mark.parametrize(
    "provider", ["entra", "entra-legacy", "entra-validator", "jumpcloud", "interop"]
)
def test_a_sequence_sends_the_published_requests(provider: str) -> None:
    expected = json.loads((GOLDEN / f"{provider}.json").read_text("utf-8"))

    assert requests_of(provider) == expected
