"""Checks of targets: reachability, token, capabilities, and how the mapping fits their schemas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field

from scimsync.cli.commands.check.assignable_fit import assignable_paths, check_assignable
from scimsync.cli.commands.check.capability_facts import check_capabilities
from scimsync.cli.commands.check.check_results import CheckResult, Subject, untold
from scimsync.cli.commands.check.mapped_values import MappedValues, TargetValues
from scimsync.cli.commands.check.profile_facts import check_profile
from scimsync.cli.commands.check.resource_type_fit import check_resource_types
from scimsync.cli.commands.check.schema_fit import Misfit, knows_core, misfits
from scimsync.cli.commands.check.value_fit import pin_misfits, value_misfits
from scimsync.config.models import Config
from scimsync.errors import ConfigError, StateError
from scimsync.formatting import plural
from scimsync.model.ids import Document, Kind
from scimsync.model.service_provider import Discovery
from scimsync.plan import Now
from scimsync.run.compiled import CompiledTarget
from scimsync.scim.discovery import SCHEMAS, discover
from scimsync.scim.listing import NotAList
from scimsync.scim.paging import ListPaging
from scimsync.state import link_store
from scimsync.state.discoveries import get_discovery, put_discovery
from scimsync.state.store import Store
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
from scimsync.transport.request_errors import (
    InvalidResponse,
    NoResponse,
    RequestError,
    TokenRefused,
)

_MISFITS_SHOWN = 10
_WORDS = {
    "unknown": ("SYNC-0950", "unknown to the target"),
    "read-only": ("SYNC-0950", "read-only at the target"),
    "required": ("SYNC-0950", "required by the target but not mapped"),
    "type": ("SYNC-0443", "of another type at the target"),
    "values": ("SYNC-0443", "limited to other values by the target"),
}
_MAPPING_FITS = "whether the mapping fits"


@dataclass(slots=True)
class TargetChecks:
    """The checks that read from targets, at the time `now`.

    `values` are the results of the mappings of each target. The declarations of the targets are
    added to `discovered`, and kept in the state, if there is a writable one.
    """

    config: Config
    store: Store
    now: Now
    values: Mapping[str, TargetValues]
    discovered: dict[str, Discovery] = field(default_factory=dict)

    def check(self, targets: Sequence[CompiledTarget]) -> dict[str, list[CheckResult]]:
        """Read from all targets at the same time. Return name -> results."""

        async def run() -> list[list[CheckResult]]:
            return await asyncio.gather(*(self._check_target(target) for target in targets))

        results = dict(zip([target.name for target in targets], asyncio.run(run()), strict=True))
        self._keep(targets)
        return results

    async def _check_target(self, target: CompiledTarget) -> list[CheckResult]:
        subject = Subject("target", target.name)
        try:
            authenticator, _ = open_authenticator(self.config, target.name)
            client = open_client(self.config, target.name, authenticator, target.concurrency)
        except ConfigError as error:
            return [subject.failed(error)]
        paths = [slot.path for slot in target.program.slots]
        roles = assignable_paths(paths)
        with self.store.read() as connection:
            known = get_discovery(connection, target.name, target.config.url)
        async with aclosing(client):
            try:
                discovery = await discover(client, self.now.time, known=known, assignable=roles)
                paging = ListPaging.of_product(target.profile.paging, target.profile.page_size)
                capabilities = known_capabilities(discovery.capabilities)
                reader = ResourceReader(client, target.dialect, paging, capabilities)
                users = await reader.first_page(Kind.USER, 1)
            except RequestError as error:
                return [_refused(subject, target, error)]
        self.discovered[target.name] = discovery
        number = "" if users.total_results is None else f"; {plural(users.total_results, 'user')}"
        values = self.values[target.name]
        return [
            subject.ok(f"responds and accepts the token{number}"),
            *check_profile(subject, target),
            *check_capabilities(subject, discovery.capabilities),
            *check_resource_types(
                subject, discovery.resource_types, paths, groups=bool(target.groups)
            ),
            *_schema_fit(subject, discovery, target, values),
            *check_assignable(
                subject, discovery, roles, values.users, lambda: self._documents(target.name)
            ),
        ]

    def _documents(self, target: str) -> Iterator[Document]:
        with self.store.read() as connection:
            yield from link_store.active_documents(connection, target, Kind.USER)

    def _keep(self, targets: Sequence[CompiledTarget]) -> None:
        """Store what was discovered. A copy of the state cannot be written, and needs no change."""
        if self.store.is_scratch or not self.discovered:
            return
        with suppress(StateError), self.store.write() as connection:
            for target in targets:
                if target.name in self.discovered:
                    discovery = self.discovered[target.name]
                    put_discovery(connection, target.name, target.config.url, discovery)


def _refused(subject: Subject, target: CompiledTarget, error: RequestError) -> CheckResult:
    """Return what the error of the first requests means."""
    said = str(error)
    if isinstance(error, TokenRefused):
        return subject.error(
            said,
            code=message_code(error),
            hint="check the URL, client_id, and the secret in auth",
        )
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
    if isinstance(error, InvalidResponse | NotAList) or answer_of(error) is Answer.NOT_FOUND:
        is_scim = target.config.type == "scim"
        part = "is the part before /Users" if is_scim else f"looks like {target.profile.url}"
        return subject.error(
            f"no {'SCIM service' if is_scim else f'API of {target.profile.product}'} found: {said}",
            code=message_code(error),
            hint=f"url {part}, now {target.config.url}",
        )
    return subject.error(f"unexpected response: {said}", code=message_code(error))


def _schema_fit(
    subject: Subject, discovery: Discovery, target: CompiledTarget, values: TargetValues
) -> list[CheckResult]:
    """Compare the mappings of users and groups, and their values, with the schemas of a target."""
    schemas = discovery.schemas
    if schemas is None:
        why = f"its schemas cannot be read: {discovery.untold.get(SCHEMAS, '')}"
        return [untold(subject, _MAPPING_FITS, why)]
    if not schemas:
        return [untold(subject, _MAPPING_FITS, "its schemas are unknown: /Schemas lists none")]
    mapped = {"": ([slot.path for slot in target.program.slots], values.users)}
    mapped |= {
        f"groups.{name}: ": (
            [slot.path for slot in rule.program.slots],
            values.groups.get(name, MappedValues()),
        )
        for name, rule in target.groups.items()
    }
    results: list[CheckResult] = []
    for where, (paths, given) in mapped.items():
        kind = Kind.GROUP if where else Kind.USER
        if not knows_core(schemas, kind):
            results.append(untold(subject, _MAPPING_FITS, f"its schemas do not describe {kind}s"))
            continue
        found = [
            *misfits(schemas, paths, kind),
            *pin_misfits(schemas, paths, kind),
            *value_misfits(schemas, given, kind),
        ]
        results += [
            _misfits(subject, problem, [one for one in found if one.problem == problem], where)
            for problem in dict.fromkeys(one.problem for one in found)
        ]
    if results:
        return list(dict.fromkeys(results))
    number = sum(len(paths) for paths, _ in mapped.values())
    return [subject.ok(f"its schemas have the {plural(number, 'mapped attribute')}")]


def _misfits(
    subject: Subject, problem: str, some: Sequence[Misfit], where: str = ""
) -> CheckResult:
    code, words = _WORDS[problem]
    number = plural(len(some), "attribute is", "attributes are")
    lines = [f"{one.path}: {one.said}" for one in some[:_MISFITS_SHOWN]]
    if len(some) > _MISFITS_SHOWN:
        lines.append(f"and {len(some) - _MISFITS_SHOWN} more")
    return subject.warning(f"{where}{number} {words}", code=code, details=lines)
