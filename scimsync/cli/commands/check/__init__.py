"""`scimsync check`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import click
from rich.text import Text

from scimsync.builtin import load
from scimsync.cli.commands.check.audit_events import check_audit_events
from scimsync.cli.commands.check.audit_keys import check_audit_keys
from scimsync.cli.commands.check.check_results import CheckResult, Level, Subject, exit_code_of
from scimsync.cli.commands.check.known_accounts import (
    check_dropped,
    check_echoes,
    check_protected,
)
from scimsync.cli.commands.check.local_checks import (
    check_findings,
    check_receivers,
    check_schedule,
    check_secrets,
    check_shared_mappings,
    check_state_files,
    check_urls,
    opened_and_checked_state,
)
from scimsync.cli.commands.check.mapped_values import TargetValues
from scimsync.cli.commands.check.source_checks import check_sources
from scimsync.cli.commands.check.source_secrets import check_source_secrets
from scimsync.cli.commands.check.target_checks import TargetChecks
from scimsync.cli.ui.common_options import CommonOptions, common_options_without
from scimsync.cli.ui.output import Output, Part, write_json
from scimsync.cli.ui.session import chosen_targets, opened_state, sources_of, this_moment
from scimsync.config.models import Config
from scimsync.errors import ConfigError, ScimsyncError
from scimsync.formatting import plural, printable
from scimsync.model.service_provider import Discovery
from scimsync.plan import Now
from scimsync.run.compile import compile_target
from scimsync.run.compiled import CompiledTarget
from scimsync.run.forget_shapes import forget_shapes as forget_shapes_of

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "red"}


@click.command()
@common_options_without("keys")
@click.option(
    "--forget-shapes",
    is_flag=True,
    help="Forget the request shapes learned from the targets, then check.",
)
def command(options: CommonOptions, forget_shapes: bool) -> None:
    """Check configuration, state, sources, secrets and targets before a push.

    Sources are read as a plan reads them. From each target, its capabilities, one user and its
    schemas are read. Nothing is changed, except by --forget-shapes, and errors do not end the
    check. The declarations of a target are kept in the state, if there is one.

    Exit codes: 0 no errors (there may be warnings), 1 a source or a target cannot be used, 2
    invalid usage or configuration.
    """
    discovered: dict[str, Discovery] = {}
    try:
        config = load(options.config)
    except ConfigError as error:
        results = iter([Subject("configuration", options.config.name).failed(error)])
    else:
        names = chosen_targets(config, options.targets)
        forgotten = _forget_shapes(config, names, options.clock) if forget_shapes else {}
        results = _check(config, names, this_moment(options), discovered, forgotten)
    if options.as_json:
        seen = list(results)
        write_json(_document(seen, discovered))
    else:
        seen = _print_results(Output(), results, quiet=options.quiet)
    raise click.exceptions.Exit(exit_code_of(seen))


def _forget_shapes(
    config: Config, names: Sequence[str], clock: Callable[[], datetime]
) -> dict[str, list[CheckResult]]:
    """Forget the learned shapes of the targets called `names`, and return results that say so."""
    forgotten: list[str] = []
    with opened_state(config, create=False) as store:
        if not store.is_scratch:
            forgotten = forget_shapes_of(config, store, names, clock)
    words = {True: "forgot the learned shapes of requests", False: "no learned shapes to forget"}
    return {name: [Subject("target", name).ok(words[name in forgotten])] for name in names}


def _check(
    config: Config,
    names: Sequence[str],
    now: Now,
    discovered: dict[str, Discovery],
    forgotten: Mapping[str, Sequence[CheckResult]],
) -> Iterator[CheckResult]:
    """Check the targets called `names` and all that they need.

    Their declarations are added to `discovered`, and nothing else is stored. `forgotten` are
    results to yield with those of the targets.
    """
    parts = [plural(len(names), "target"), _count_sources(config)]
    if config.access:
        parts.append(plural(len(config.access), "access rule"))
    subject = Subject("configuration", config.path.name)
    yield subject.ok(f"{config.path}: {', '.join(parts)}")
    targets: dict[str, CompiledTarget] = {}
    faults: dict[str, list[CheckResult]] = {name: [] for name in names}
    for name in names:
        try:
            targets[name] = compile_target(config, name)
        except ScimsyncError as error:
            faults[name].append(Subject("target", name).failed(error))
    yield from check_shared_mappings(
        config, {fault.message for one in faults.values() for fault in one}
    )
    with opened_and_checked_state(config) as (store, result):
        yield result
        yield from check_state_files(config)
        values = {name: TargetValues() for name in targets}
        yield from check_source_secrets(config, sources_of(config, names), now.today)
        yield from check_sources(config, names, targets, faults, values, store, now)
        findings = check_findings(targets, store, now)
        echoes = check_echoes(targets, store)
        protected = check_protected(config, targets, store)
        urls = check_urls(config, names)
        dropped = check_dropped(config, store)
        secrets = {name: list(check_secrets(config, name, now.today)) for name in names}
        with_token = [one for name, one in targets.items() if not exit_code_of(secrets[name])]
        responses = TargetChecks(config, store, now, values, discovered).check(with_token)
    for name in names:
        found = (forgotten, faults, urls, secrets, responses, findings, echoes, protected)
        yield from (result for results in found for result in results.get(name, ()))
    yield from dropped
    yield from check_schedule(config, names, now.time)
    yield from check_receivers(config)
    yield from check_audit_keys(config)
    yield from check_audit_events(config, now.today)


def _count_sources(config: Config) -> str:
    return plural(len(config.sources) - len(config.table_values), "source")


def _document(
    results: Sequence[CheckResult], discovered: Mapping[str, Discovery]
) -> dict[str, Any]:
    return {
        "exit_code": exit_code_of(results),
        "findings": [
            {
                "area": result.area,
                "name": result.name,
                "level": result.level,
                "code": result.code,
                "message": result.message,
                "details": result.details,
                "hint": result.hint,
            }
            for result in results
        ],
        "targets": {name: _declared(discovery) for name, discovery in discovered.items()},
    }


def _declared(discovery: Discovery) -> dict[str, Any]:
    """Return what a target declares; None for what is unknown."""
    types, schemas = discovery.resource_types, discovery.schemas
    return {
        "read_at": discovery.read_at,
        "capabilities": asdict(discovery.capabilities),
        "resource_types": None if types is None else {one.name: one.endpoint for one in types},
        "schemas": None if schemas is None else [schema.id for schema in schemas],
        "roles": None if discovery.roles is None else asdict(discovery.roles),
        "entitlements": None if discovery.entitlements is None else asdict(discovery.entitlements),
        "untold": dict(discovery.untold),
    }


def _print_results(
    output: Output, results: Iterable[CheckResult], *, quiet: bool
) -> list[CheckResult]:
    """Print results as they come, and a summary; with `quiet` no good ones. Return them all."""
    seen: list[CheckResult] = []
    heading: tuple[str, str] | None = None
    for result in results:
        seen.append(result)
        if quiet and result.level is Level.OK:
            continue
        if heading != (result.area, result.name):
            heading = (result.area, result.name)
            output.line(f"{result.area} ", (printable(result.name), "bold"))
        level = (f"{result.level:<7}", _STYLES[result.level])
        message: list[Part] = [printable(result.message)]
        if result.code is not None:
            message.append((f" [{result.code}]", "dim"))
        output.rows([[level, Text.assemble(*message)]], below=9)
        for line in (*result.details, *([result.hint] if result.hint else [])):
            output.line(printable(line), indent=13)
    if not quiet:
        output.blank()
        output.line(_summary(seen))
    return seen


def _summary(results: Sequence[CheckResult]) -> tuple[str, str]:
    counts = {level: sum(one.level is level for one in results) for level in Level}
    words = [
        plural(counts[level], level) for level in (Level.ERROR, Level.WARNING) if counts[level]
    ]
    if not words:
        return "no problems found", "green"
    return ", ".join(words), "red" if counts[Level.ERROR] else "yellow"
