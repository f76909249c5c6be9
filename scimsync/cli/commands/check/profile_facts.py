"""What the profile of a target says about its settings."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.formatting import plural
from scimsync.plan.product import setting_warnings
from scimsync.run.compiled import CompiledTarget
from scimsync.scim.profiles import GENERIC, PROFILES, Profile, profile_of_host
from scimsync.scim.profiles.coverage import covers

_DEACTIVATION = {
    "delete": "deactivating a user deletes the account for good",
    "remove": "deactivating a user removes them from the organization",
    "forget": "deactivating a user removes them from the organization; they come back as new users",
}
_GROUPS = {
    "none": "has no groups over SCIM",
    "unknown": "is not known to have groups over SCIM",
    "update": "lets groups be updated, but not created or deleted",
    "link": "links groups that exist under the same name, but does not create or delete them",
}
_DELETION = {
    "irreversible": "deleting a user cannot be undone",
    "remove": "deleting a user removes them from the organization, and keeps the account",
    "deactivate": "deleting a user only deactivates the account",
    "refuse": "users cannot be deleted",
}


def check_profile(subject: Subject, target: CompiledTarget) -> Iterator[CheckResult]:
    """Report what the profile knows, or which profile may be meant. Nothing is sent."""
    profile = target.profile
    if profile.name == GENERIC:
        yield from _proposal(subject, target)
        return
    if profile.product:
        notes = [*_meaning(profile), *profile.notes]
        yield subject.ok(f"profile {profile.name}: {profile.product}", details=notes)
    for why, code in setting_warnings(target.policy.product):
        yield subject.warning(why, code=code)
    yield from _attributes(subject, target)
    yield from _equal(subject, target)
    if target.groups and profile.groups in _GROUPS:
        what = _GROUPS[profile.groups]
        yield subject.warning(f"{profile.product} {what}", code="SYNC-0955")
    used = target.config.auth.type
    if profile.auth and used not in profile.auth:
        yield subject.warning(
            f"profile {profile.name} expects authentication by {' or '.join(profile.auth)},"
            f" not {used}",
            code="SYNC-0954",
        )


def _meaning(profile: Profile) -> list[str]:
    means = [_DEACTIVATION.get(profile.deactivate_means), _DELETION.get(profile.delete_means)]
    return [meaning for meaning in means if meaning is not None]


def _equal(subject: Subject, target: CompiledTarget) -> Iterator[CheckResult]:
    """Warn where attributes that have to be equal are mapped from different expressions."""
    profile = target.profile
    mapped = {
        slot.path: slot.source.text if slot.source is not None else str(slot.constant)
        for slot in target.program.slots
        if slot.path in profile.equal
    }
    if len(set(mapped.values())) > 1:
        yield subject.warning(
            f"{profile.product} requires one value of {' and '.join(mapped)}",
            code="SYNC-0955",
            details=[f"{path} = {text}" for path, text in mapped.items()],
        )


def _proposal(subject: Subject, target: CompiledTarget) -> Iterator[CheckResult]:
    host = urlsplit(target.config.url).hostname or ""
    profile = profile_of_host(host, PROFILES.values())
    if profile is not None:
        yield subject.warning(
            f"{host} belongs to {profile.product}, which has a profile",
            code="SYNC-0956",
            hint=f'write profile = "{profile.name}"; scimsync profiles {profile.name} shows it',
        )


def _attributes(subject: Subject, target: CompiledTarget) -> Iterator[CheckResult]:
    profile, mapped = target.profile, [slot.path for slot in target.program.slots]
    if profile.attributes and profile.type == "scim":  # the schemas of an adapter say it exactly
        outside = [path for path in mapped if not covers(profile.attributes, path)]
        if outside:
            are = plural(len(outside), "mapped attribute is", "mapped attributes are")
            yield subject.warning(
                f"{are} not known to be stored by {profile.product}",
                code="SYNC-0955",
                details=outside,
            )
    missing = [path for path in profile.required if not covers(mapped, path)]
    if missing:
        are = plural(len(missing), "attribute", "attributes")
        yield subject.warning(
            f"{profile.product} requires {are} that are not mapped",
            code="SYNC-0955",
            details=missing,
        )
