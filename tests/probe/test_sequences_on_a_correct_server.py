"""A server that follows the RFCs passes, and one that accepts more passes as Okta too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from scimsync.probe.run import ProbeOptions
from scimsync.probe.server import Origin
from scimsync.probe.values import Outcome, ProbeReport
from tests.probe.conftest import origin_of, probed
from tests.servers.defects import DefectiveProvider, running_provider
from tests.servers.faulty_http import Reply


def wrong(report: ProbeReport, *outcomes: Outcome) -> dict[str, str]:
    return {one.check.id: one.found for one in report.results if one.outcome in outcomes}


def test_a_real_server_passes_all_checks_of_the_rfcs(
    origin: Origin, options_of: Callable[..., ProbeOptions]
) -> None:
    report = probed(origin, options_of("rfc"))

    assert wrong(report, Outcome.FAILED, Outcome.SKIPPED) == {}
    # scim2-server 0.8 does not show the groups of a user, which RFC 7643 section 4.1.2 only defines
    assert list(wrong(report, Outcome.WARNED)) == ["user-groups"]
    assert report.scores["rfc"].percent == 100
    assert report.left == ()


@pytest.mark.parametrize("provider", ["okta", "okta-put"])
def test_a_server_that_accepts_what_okta_sends_passes(
    provider: str, options_of: Callable[..., ProbeOptions]
) -> None:
    with running_provider() as server:
        report = probed(origin_of(server.url, server.token), options_of(provider))

        assert wrong(report, Outcome.FAILED, Outcome.WARNED, Outcome.SKIPPED) == {}
        assert server.stored == {"Users": {}, "Groups": {}}
    assert report.scores[provider].percent == 100


class ShowsPasswords(DefectiveProvider):
    """A server that stores passwords as they are, and returns them."""

    def post(self, collection: str, body: Any) -> Reply:
        reply = super().post(collection, body)
        assert isinstance(reply.body, dict)
        shown = {"password": body["password"]} if "password" in body else {}
        return replace(reply, body={**reply.body, **shown})


def test_a_password_in_a_response_is_found_and_not_shown(
    options_of: Callable[..., ProbeOptions],
) -> None:
    server = ShowsPasswords(())
    with server.running():
        report = probed(origin_of(server.url, server.token), options_of("okta"))

    assert wrong(report, Outcome.FAILED) == {"password-hidden": "password is in the response"}
    ((exchange,),) = [one.exchanges for one in report.failed]
    assert '"password":"***"' in (exchange.request_body or "")
    assert '"password": "***"' in exchange.response_body
