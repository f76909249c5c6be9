"""A server with one fault gets one finding: the fault, and the providers that trip over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest

from scimsync.probe.checks import known_checks
from scimsync.probe.findings import ProbeFinding, findings
from scimsync.probe.run import ProbeOptions
from scimsync.probe.sequences import SEQUENCES
from scimsync.probe.values import Check, Outcome, ProbeReport, ProbeResult
from tests.probe.conftest import origin_of, probed
from tests.servers.defects import Defect, running_provider

RFC = {"rfc"}
OKTA = {"okta"}
ENTRA = {"entra", "entra-legacy"}
MICROSOFT = {*ENTRA, "entra-validator"}
LISTED = {"entra-legacy", "jumpcloud"}
DUPLICATE = {*RFC, *OKTA, "entra-validator", "interop"}
ALL = set(SEQUENCES)
PATCH = ALL - {"okta-put"}

FOUND: Mapping[Defect, tuple[str, set[str]]] = {
    Defect.EMPTY_MEMBERS_IGNORED: ("members-replace-empty", RFC | OKTA),
    Defect.LISTED_REMOVAL_WIPES: ("members-remove-list", LISTED),
    Defect.LISTED_REMOVAL_REFUSED: ("members-remove-list", LISTED),
    Defect.FILTERED_REMOVAL_IGNORED: (
        "members-remove",
        RFC | OKTA | {"entra", "entra-validator"},
    ),
    Defect.FIRST_MEMBER_ONLY: ("members-add", PATCH - OKTA - {"entra-validator"}),
    Defect.RENAME_WITH_MEMBERS_REFUSED: ("okta-full-push-object", OKTA),
    Defect.BARE_NOT_FOUND: ("error-body", RFC | OKTA),
    Defect.NOTHING_FOUND_404: ("filter-nothing", ALL),
    Defect.ERRORS_500: ("no-server-error", ALL),
    Defect.USER_NAME_EXACT: ("filter-user-name-case", DUPLICATE),
    Defect.WORDS_EXACT: ("filter-words-case", RFC),
    Defect.UNQUOTED_REFUSED: ("filter-unquoted", ENTRA),
    Defect.EXCLUSION_REFUSED: ("excluded-attributes", RFC | MICROSOFT),
    Defect.FIRST_PAGE_ONLY: ("list-start-index", RFC),
    Defect.TOTAL_OF_PAGE: ("list-total", RFC),
    Defect.ACTIVE_TEXT_ONLY: ("deactivate", PATCH),
    Defect.ACTIVE_TEXT_REFUSED: ("patch-active-text", {"entra-legacy"}),
    Defect.ACTIVE_SHOWN_AS_TEXT: ("active-boolean", RFC | OKTA | {"okta-put"}),
    Defect.FALSE_IS_TRUE: ("patch-active-text", {"entra-legacy"}),
    Defect.INACTIVE_HIDDEN: ("inactive-shown", ALL),
    Defect.POST_WITHOUT_ID: ("create-id", ALL),
    Defect.POST_WITHOUT_BODY: ("create-id", ALL),
    Defect.JSON_ONLY: ("media-type-accepted", ALL),
    Defect.PASSWORD_REFUSED: ("okta-create", OKTA | {"okta-put"}),
    Defect.ROLES_REFUSED: ("create-with-roles", MICROSOFT),
    Defect.UPSERT: ("duplicate-conflict", DUPLICATE),
    Defect.DUPLICATES: ("duplicate-conflict", DUPLICATE),
    Defect.MANAGER_DROPPED: ("manager", RFC | MICROSOFT),
    Defect.EXTERNAL_ID_DROPPED: ("external-id", PATCH - {"jumpcloud"}),
    Defect.OPERATIONS_LOWER: ("operation-case", {"entra-legacy"}),
    Defect.PATHLESS_REFUSED: (
        "patch-without-path",
        RFC | OKTA | {"entra", "entra-validator"},
    ),
    Defect.PATCH_STORES_NOTHING: ("patch-replace", PATCH),
    Defect.PATCH_REFUSED: ("patch-replace", PATCH),
    Defect.VALUE_FILTERS_REFUSED: ("patch-value-filter", PATCH - {"jumpcloud"}),
    Defect.PUT_REFUSED: ("put", RFC | OKTA | {"okta-put"}),
    Defect.DELETE_KEEPS: ("delete", PATCH - OKTA),
}
"""The check that names each fault, and the providers that trip over it."""


@pytest.mark.parametrize("defect", Defect, ids=lambda one: one.name)
def test_a_fault_is_one_finding(defect: Defect, options_of: Callable[..., ProbeOptions]) -> None:
    check, providers = FOUND[defect]

    with running_provider(defect) as server:
        report = probed(origin_of(server.url, server.token), options_of())

    assert {one.check.id: set(one.providers) for one in findings(report)} == {check: providers}


def test_a_server_without_a_fault_passes_as_every_provider(
    options_of: Callable[..., ProbeOptions],
) -> None:
    with running_provider() as server:
        report = probed(origin_of(server.url, server.token), options_of())

    assert findings(report) == ()
    assert {one.percent for one in report.scores.values()} == {100}
    assert report.left == ()
    assert server.stored == {"Users": {}, "Groups": {}}


def test_a_check_explains_failures_of_the_providers_that_fail_it() -> None:
    cause = Check("cause", "", "", "")
    effect = Check("effect", "", "", "", after=("cause",))

    def result(check: Check, provider: str, outcome: Outcome) -> ProbeResult:
        return ProbeResult(check, provider, "step", outcome)

    explained = result(effect, "okta", Outcome.FAILED)
    also_explained = result(effect, "entra", Outcome.WARNED)  # which does not have the cause
    own = result(effect, "interop", Outcome.FAILED)
    failed = result(cause, "okta", Outcome.FAILED)
    passed = result(cause, "interop", Outcome.PASSED)
    report = ProbeReport(
        "https://app.example.com",
        "0a",
        datetime(2026, 11, 29, tzinfo=UTC),
        1.0,
        {"okta": "", "entra": "", "interop": ""},
        (explained, failed, also_explained, own, passed),
    )

    assert findings(report) == (
        ProbeFinding(cause, (failed,), (explained, also_explained)),
        ProbeFinding(effect, (own,)),
    )


def test_no_check_explains_itself() -> None:
    checks = known_checks()

    def causes(name: str, seen: tuple[str, ...]) -> None:
        assert name not in seen, f"{' -> '.join(seen)} -> {name}"
        for cause in checks[name].after:
            causes(cause, (*seen, name))

    for name in checks:
        causes(name, ())


def test_each_check_belongs_to_a_sequence() -> None:
    used = {check for sequence in SEQUENCES.values() for check in sequence.checks}

    assert set(known_checks()) == used
