"""A server that follows the RFCs passes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from scimsync.probe.run import ProbeOptions
from scimsync.probe.sequences import SEQUENCES
from scimsync.probe.server import Origin
from scimsync.probe.values import Outcome
from tests.probe.conftest import probed


@pytest.mark.parametrize("provider", SEQUENCES)
def test_a_correct_server_passes_all_checks(
    provider: str, origin: Origin, options_of: Callable[..., ProbeOptions]
) -> None:
    report = probed(origin, options_of(provider))

    wrong = {one.check.id: one.found for one in report.results if one.outcome is not Outcome.PASSED}
    assert wrong == {}
    assert report.scores[provider].percent == 100
    assert report.left == ()
