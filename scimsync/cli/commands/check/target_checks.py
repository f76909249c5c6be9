"""Checks of targets: reachability, token, capabilities, and how the mapping fits their schemas."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from scimsync.cli.commands.check.profile_facts import check_profile
from scimsync.cli.commands.check.results import CheckResult, Subject
from scimsync.cli.commands.check.schema_fit import Misfit, knows_core, misfits
from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.formatting import plural
from scimsync.model.discovery import Capabilities, Discovery
from scimsync.model.ids import Kind
from scimsync.run.compile import CompiledTarget
from scimsync.scim.discovery import SCHEMAS, discover
from scimsync.scim.paging import Paging
from scimsync.targets.evidence import (
    Answer,
    Purpose,
    Verdict,
    answer_of,
    message_code,
    verdict,
)
from scimsync.targets.resource_reader import ResourceReader, known_capabilities
from scimsync.targets.sender import open_authenticator, open_client
from scimsync.transport.request_errors import InvalidResponse, NoResponse, RequestError

_MISFITS_SHOWN = 10
_WORDS = {
    "unknown": "unknown to the target",
    "read-only": "read-only at the target",
    "required": "required by the target but not mapped",
}


def check_targets(
    config: Config, targets: Sequence[CompiledTarget]
) -> dict[str, list[CheckResult]]:
    """Read from all targets at the same time. Return name -> results."""

    async def run() -> list[list[CheckResult]]:
        return await asyncio.gather(*(_check_target(config, target) for target in targets))

    return dict(zip([target.name for target in targets], asyncio.run(run()), strict=True))


async def _check_target(config: Config, target: CompiledTarget) -> list[CheckResult]:
    subject = Subject("target", target.name)
    try:
        authenticator, _ = open_authenticator(config, target.name)
        client = open_client(config, target.name, authenticator, target.concurrency)
    except ConfigError as error:
        return [subject.failed(error)]
    async with aclosing(client):
        try:
            discovery = await discover(client)
            paging = Paging(count=target.profile.page_size)
            capabilities = known_capabilities(discovery.capabilities)
            reader = ResourceReader(client, target.dialect, paging, capabilities)
            users = await reader.first_page(Kind.USER, 1)
        except RequestError as error:
            return [_refused(subject, target, error)]
        number = "" if users.total_results is None else f"; {plural(users.total_results, 'user')}"
        return [
            subject.ok(f"responds and accepts the token{number}"),
            *check_profile(subject, target),
            *_capabilities(subject, discovery.capabilities),
            *_schema_fit(subject, discovery, target),
        ]


def _refused(subject: Subject, target: CompiledTarget, error: RequestError) -> CheckResult:
    """Return what the error of the first requests means."""
    said = str(error)
    if verdict(error, Purpose.SEARCH) is Verdict.TOKEN:
        if answer_of(error) is Answer.UNAUTHORISED:
            return subject.error(
                f"refuses the token: {said}",
                code=message_code(error),
                hint="check that it is the right token and has not expired",
            )
        return subject.error(
            f"the token may not read users: {said}",
            code=message_code(error),
            hint="give it permission to read and write users",
        )
    if isinstance(error, NoResponse):
        return subject.error(
            f"cannot be reached: {said}",
            code=message_code(error),
            hint=f"check that {target.config.url} is right and the service is up",
        )
    if isinstance(error, InvalidResponse) or answer_of(error) is Answer.NOT_FOUND:
        is_scim = target.config.type == "scim"
        part = "is the part before /Users" if is_scim else f"looks like {target.profile.url}"
        return subject.error(
            f"no {'SCIM service' if is_scim else f'API of {target.profile.product}'} found: {said}",
            code=message_code(error),
            hint=f"url {part}, now {target.config.url}",
        )
    return subject.error(f"unexpected response: {said}", code=message_code(error))


def _capabilities(subject: Subject, can: Capabilities) -> list[CheckResult]:
    said = {
        "PATCH": can.patch,
        "filter": can.filter,
        "ETags": can.etag,
        "bulk": can.bulk,
        "sort": can.sort,
    }
    if all(value is None for value in said.values()):
        return [
            subject.warning("declares no capabilities (/ServiceProviderConfig)", code="SYNC-0951")
        ]
    able = [
        (
            f"{name} (at most {can.max_results:,} results)"
            if name == "filter" and can.max_results
            else name
        )
        for name in said
        if said[name]
    ]
    unable = [name for name, value in said.items() if value is False]
    words = [
        f"supports {', '.join(able)}" if able else "",
        f"does not support {', '.join(unable)}" if unable else "",
    ]
    found = [subject.ok("; ".join(word for word in words if word))]
    if can.patch is False:
        found.append(
            subject.warning(
                "does not support PATCH, which changes accounts",
                code="SYNC-0951",
            )
        )
    if can.filter is False:
        found.append(
            subject.warning(
                "does not support filters; existing accounts may not be found one by one",
                code="SYNC-0951",
            )
        )
    return found


def _schema_fit(
    subject: Subject, discovery: Discovery, target: CompiledTarget
) -> list[CheckResult]:
    """Compare the mappings of users and groups with the schemas of a target."""
    schemas = discovery.schemas
    if schemas is None:
        why = discovery.untold.get(SCHEMAS, "")
        return [_untold(subject, f"its schemas cannot be read: {why}")]
    if not schemas:
        return [_untold(subject, "its schemas are unknown: /Schemas lists none")]
    mapped = {"": [slot.path for slot in target.program.slots]}
    mapped |= {
        f"groups.{name}: ": [slot.path for slot in rule.program.slots]
        for name, rule in target.groups.items()
    }
    results: list[CheckResult] = []
    for where, paths in mapped.items():
        kind = Kind.GROUP if where else Kind.USER
        if not knows_core(schemas, kind):
            results.append(_untold(subject, f"its schemas do not describe {kind}s"))
            continue
        found = misfits(schemas, paths, kind)
        results += [
            _misfits(subject, problem, [one for one in found if one.problem == problem], where)
            for problem in dict.fromkeys(one.problem for one in found)
        ]
    if results:
        return list(dict.fromkeys(results))
    number = sum(map(len, mapped.values()))
    return [subject.ok(f"its schemas have the {plural(number, 'mapped attribute')}")]


def _untold(subject: Subject, why: str) -> CheckResult:
    return subject.warning(
        f"whether the mapping fits cannot be told: {why}",
        code="SYNC-0424",
        hint="a plan shows the requests; a first push of one person shows what the target accepts",
    )


def _misfits(
    subject: Subject, problem: str, some: Sequence[Misfit], where: str = ""
) -> CheckResult:
    number = plural(len(some), "attribute is", "attributes are")
    lines = [f"{one.path}: {one.said}" for one in some[:_MISFITS_SHOWN]]
    if len(some) > _MISFITS_SHOWN:
        lines.append(f"and {len(some) - _MISFITS_SHOWN} more")
    return subject.warning(f"{where}{number} {_WORDS[problem]}", code="SYNC-0950", details=lines)
