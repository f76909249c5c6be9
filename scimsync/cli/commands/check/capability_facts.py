"""What a target declares that it can do, and what that means for a push."""

from __future__ import annotations

from collections.abc import Iterator

from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.model.service_provider import Capabilities

INTEROP_DRAFT = "draft-zollner-scim-interop-profile"


def check_capabilities(subject: Subject, can: Capabilities) -> Iterator[CheckResult]:
    """Report what a target declares in /ServiceProviderConfig."""
    said = {
        "PATCH": can.patch,
        _filters(can.max_results): can.filter,
        "ETags": can.etag,
        "bulk": can.bulk,
        "sort": can.sort,
    }
    if all(value is None for value in said.values()):
        yield subject.warning("declares no capabilities (/ServiceProviderConfig)", code="SYNC-0951")
        return
    able = [name for name, value in said.items() if value]
    unable = [name.partition(" ")[0] for name, value in said.items() if value is False]
    words = [
        f"supports {', '.join(able)}" if able else "",
        f"does not support {', '.join(unable)}" if unable else "",
    ]
    yield subject.ok("; ".join(word for word in words if word))
    if can.patch is False:
        yield subject.warning(
            "does not support PATCH; dialect auto sends PUT instead", code="SYNC-0951"
        )
    if can.filter is False:
        yield subject.warning(
            "does not support filters; existing accounts are found in the whole list",
            code="SYNC-0951",
        )
    if can.interop_profile:
        yield subject.ok(f"conforms to the SCIM interoperability profile ({INTEROP_DRAFT})")


def _filters(limit: int | None) -> str:
    return "filter" if limit is None else f"filter (at most {limit:,} results)"
