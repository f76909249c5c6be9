"""Whether a target has the resource types that a mapping needs (RFC 7643 section 6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.model.ids import Kind
from scimsync.model.service_provider import DeclaredType
from scimsync.scim.resource_types import RESOURCE_TYPES
from scimsync.scim.settable import settable_path


def check_resource_types(
    subject: Subject, types: Sequence[DeclaredType] | None, paths: Sequence[str], *, groups: bool
) -> Iterator[CheckResult]:
    """Warn of a missing resource type, and of extensions that each user must have.

    `paths` are the mapped attributes of users. `groups`: groups are mapped. Where no types are
    listed, none is known to be missing.
    """
    if not types:
        return
    wanted = [Kind.USER, *([Kind.GROUP] if groups else [])]
    missing = [kind for kind in wanted if not any(_is_of(one, kind) for one in types)]
    if missing:
        names = ", ".join(one.name or one.endpoint for one in types)
        lacking = " and ".join(f"{kind}s" for kind in missing)
        yield subject.warning(f"lists no {lacking} among its types: {names}", code="SYNC-0444")
    required = _required_extensions(types, paths)
    if required:
        yield subject.warning(
            "requires user extensions, but nothing in them is mapped",
            code="SYNC-0950",
            details=sorted(required),
        )


def _required_extensions(types: Sequence[DeclaredType], paths: Sequence[str]) -> set[str]:
    """Return the extensions that each user must have, but that no path in `paths` sets."""
    mapped = {(settable_path(path).path.schema or "").casefold() for path in paths}
    return {
        urn
        for one in types
        if _is_of(one, Kind.USER)
        for urn, is_required in one.extensions.items()
        if is_required and urn.casefold() not in mapped
    }


def _is_of(declared: DeclaredType, kind: Kind) -> bool:
    known = RESOURCE_TYPES[kind]
    endpoint = "/" + declared.endpoint.rpartition("/")[2]
    return (
        declared.schema.casefold() == known.schema.casefold()
        or endpoint.casefold() == known.endpoint.casefold()
    )
