"""Whether a target answers, takes the token, can do what is needed, and knows the attributes that
are mapped."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from scimsync.cli.checking.findings import About, Finding
from scimsync.cli.checking.schema_fit import Misfit, misfits
from scimsync.config.models import Config
from scimsync.errors import ConfigError
from scimsync.model.ids import Kind
from scimsync.run.compile import CompiledTarget
from scimsync.scim.attributes import read
from scimsync.scim.discovery import Capabilities, discover
from scimsync.scim.errors import (
    ErrorKind,
    ErrorResponse,
    InvalidResponse,
    NoResponse,
    ScimError,
)
from scimsync.scim.listing import fetch_page
from scimsync.scim.messages import ScimRequest, Sender
from scimsync.scim.resource_types import resource_type
from scimsync.targets.client import open_client, read_token

MISFITS = 10
"""So many attributes that do not fit are told one by one."""

_WORDS = {
    "unknown": "not known to the target",
    "read-only": "set by the target itself",
    "required": "required by the target and not mapped",
}


def check_targets(config: Config, targets: Sequence[CompiledTarget]) -> dict[str, list[Finding]]:
    """Asks all targets side by side, each once, with reads only. Name -> what was found."""

    async def run() -> list[list[Finding]]:
        return await asyncio.gather(*(_check_target(config, target) for target in targets))

    return dict(zip([target.name for target in targets], asyncio.run(run()), strict=True))


async def _check_target(config: Config, target: CompiledTarget) -> list[Finding]:
    about = About("target", target.name)
    try:
        client = open_client(
            config, target.name, read_token(config, target.name), target.concurrency
        )
    except ConfigError as error:
        return [about.failed(error)]
    async with client:
        try:
            capabilities = await discover(client)
            users = await fetch_page(client, resource_type(Kind.USER).endpoint, count=1)
        except ScimError as error:
            return [_refused(about, target, error)]
        number = "" if users.total_results is None else f"; {users.total_results:,} users there"
        found = [
            about.ok(f"it answers and takes the token{number}"),
            *_capabilities(about, capabilities),
        ]
        return [*found, *await _schema_fit(about, client, target)]


def _refused(about: About, target: CompiledTarget, error: ScimError) -> Finding:
    """What it means that the first questions were not answered."""
    said = str(error)
    if isinstance(error, ErrorResponse) and error.kind is ErrorKind.UNAUTHORISED:
        if error.status == 401:
            return about.error(
                f"the token is refused: {said}", hint="is it the right one, has it expired?"
            )
        return about.error(
            f"the token may not read users: {said}",
            hint="give it the rights to read and write users",
        )
    if isinstance(error, NoResponse):
        return about.error(
            f"it cannot be reached: {said}", hint=f"is {target.config.url} right, and is it up?"
        )
    if isinstance(error, InvalidResponse) or (
        isinstance(error, ErrorResponse) and error.kind is ErrorKind.NOT_FOUND
    ):
        return about.error(
            f"there seems to be no SCIM service: {said}",
            hint=f"url is the part before /Users; it is {target.config.url}",
        )
    return about.error(f"it does not answer as it should: {said}")


def _capabilities(about: About, can: Capabilities) -> list[Finding]:
    said = {
        "PATCH": can.patch,
        "filter": can.filter,
        "ETags": can.etag,
        "bulk": can.bulk,
        "sort": can.sort,
    }
    if all(value is None for value in said.values()):
        return [about.warning("it does not say what it can do (/ServiceProviderConfig)")]
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
        f"can {', '.join(able)}" if able else "",
        f"cannot {', '.join(unable)}" if unable else "",
    ]
    found = [about.ok(f"it says: {'; '.join(word for word in words if word)}")]
    if can.patch is False:
        found.append(
            about.warning("it says that it cannot PATCH, and accounts are changed with PATCH")
        )
    if can.filter is False:
        found.append(
            about.warning(
                "it says that it cannot filter; accounts that exist already may not be found one"
                " by one"
            )
        )
    return found


async def _schema_fit(about: About, client: Sender, target: CompiledTarget) -> list[Finding]:
    mapped = [slot.path for slot in target.program.slots]
    try:
        answer = await client.send(ScimRequest("GET", "/Schemas"))
    except ScimError as error:
        return [about.ok(f"what it knows of attributes cannot be told: {error}")]
    schemas = _schemas(answer.body or {})
    if not schemas:
        return [about.ok("what it knows of attributes cannot be told: /Schemas names none")]
    found = misfits(schemas, mapped)
    if not found:
        return [about.ok(f"its schemas fit the {len(mapped)} attributes that are mapped")]
    return [
        _misfits(about, problem, [one for one in found if one.problem == problem])
        for problem in dict.fromkeys(one.problem for one in found)
    ]


def _schemas(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    resources = read(body, "Resources")
    return (
        [one for one in resources if isinstance(one, Mapping)]
        if isinstance(resources, list)
        else []
    )


def _misfits(about: About, problem: str, some: Sequence[Misfit]) -> Finding:
    number = "1 attribute is" if len(some) == 1 else f"{len(some)} attributes are"
    lines = [f"{one.path}: {one.said}" for one in some[:MISFITS]]
    if len(some) > MISFITS:
        lines.append(f"and {len(some) - MISFITS} more")
    return about.warning(f"{number} {_WORDS[problem]}", lines)
