"""Compile sync.toml for a run, before anything is read or sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

from scimsync.config.lookup_settings import place_of_source
from scimsync.config.models import Config
from scimsync.config.secrets import SecretReader
from scimsync.config.targets import Target
from scimsync.desired.column_check import check_columns
from scimsync.desired.program import Program
from scimsync.errors import SOURCE_ERRORS, ConfigError, ScimsyncError, SecretError
from scimsync.model.did_you_mean import did_you_mean
from scimsync.plan.candidates import Leaving, Policy
from scimsync.plan.product import ProductRules
from scimsync.run.compile_mappings import (
    check_shared_mapping,
    compile_groups,
    compile_protect,
    compile_users,
)
from scimsync.run.compiled import CompiledConfig, CompiledSource, CompiledTarget
from scimsync.run.display_names import compile_display, display_columns
from scimsync.run.stopping import stopped_by_sources
from scimsync.scim.dialects import DEFAULT_DIALECT
from scimsync.scim.profiles import Profile
from scimsync.scim.profiles.coverage import lies_within
from scimsync.snapshot.index import index_path
from scimsync.sources import SourceSpec
from scimsync.sources.base import missing_column
from scimsync.sources.kept_read import Keeping, kept_read_path
from scimsync.targets.sender import open_authenticator
from scimsync.transport.auth import Authenticator


def compile_config(
    config: Config, names: Sequence[str] = (), *, read: bool = True, secrets: bool = True
) -> CompiledConfig:
    """Compile all targets, and check everything that those called `names` (or all) need.

    This happens before anything is read or stored and before a run is opened. Without `secrets`, no
    secret of a target is resolved. Without `read`, no source is opened, and the result has no
    sources.

    A target whose secret cannot be used is left out, and so are the targets of a source that cannot
    be used or lacks a column that an expression names. If no target is left, raise the reason:
    SecretError, SourceUnavailable, SourceFormatError, ConfigError or GuardStop. Raise ConfigError
    for an error in sync.toml.
    """
    for name in names:
        if name not in config.targets:
            raise config.unknown_target(name)
    targets = {name: compile_target(config, name) for name in config.targets}
    compile_display(config)
    for name in config.mappings:
        check_shared_mapping(config, name)
    chosen = {name: targets[name] for name in names or targets}
    compiled = CompiledConfig(config, {}, chosen, {}, configured=targets)
    if secrets:
        compiled = with_secrets(compiled)
    return _with_sources(compiled, list(targets.values())) if read else compiled


def _with_sources(compiled: CompiledConfig, targets: Sequence[CompiledTarget]) -> CompiledConfig:
    """Open the sources of a configuration, and check their columns.

    `targets` are all targets of sync.toml.
    """
    config = compiled.config
    display = compile_display(config)
    wanted = {source for target in compiled.targets.values() for source in target.all_sources}
    sources: dict[str, CompiledSource] = {}
    columns: dict[str, Sequence[str]] = {}
    refused: dict[str, ScimsyncError] = {}
    for name in config.sources:
        if name not in wanted:
            continue
        try:
            spec = source_spec(config, name)
            columns[name] = spec.columns()
            check_value_column(config, spec, columns[name])
        except SOURCE_ERRORS as error:
            error.source = name
            refused[name] = error
            continue
        named = _named_columns(name, targets) or columns_of_table(config, name)
        stored = {*named, *display_columns(config, display, name)}
        used = tuple(column for column in columns[name] if column in stored)
        sources[name] = CompiledSource(spec, used, named, index_path(config.state_dir, name))
    for target in compiled.targets.values():
        for missing, lacking in _missing_columns(target, columns):
            refused |= {name: missing for name in lacking if name not in refused}
    stopped = stopped_by_sources(compiled.sources_of_targets, refused)
    return replace(compiled, sources=sources).without(stopped)


def with_secrets(compiled: CompiledConfig) -> CompiledConfig:
    """Return the configuration with the secrets of its targets.

    This runs the commands of `cmd:` references. Targets without a usable secret are left out; if
    all are, raise SecretError.
    """
    authenticators: dict[str, Authenticator] = {}
    expiries: dict[str, date | None] = {}
    refused: dict[str, ScimsyncError] = {}
    for name in compiled.targets:
        try:
            authenticators[name], expiries[name] = open_authenticator(compiled.config, name)
        except SecretError as error:
            refused[name] = error
    opened = replace(compiled, authenticators=authenticators, expiries=expiries)
    return opened.without(refused)


def columns_of_table(config: Config, source: str) -> frozenset[str]:
    """Return the column with the values, if `source` is that of a table."""
    return frozenset(value for name, value in config.table_values.items() if name == source)


def check_value_column(config: Config, spec: SourceSpec[Any], found: Sequence[str]) -> None:
    """Raise SourceFormatError if the source of a table has no column with the values."""
    for value in columns_of_table(config, spec.name):
        if value not in found:
            raise missing_column(spec, "value", value, found, "the table")


def _missing_columns(
    target: CompiledTarget, columns: Mapping[str, Sequence[str]]
) -> Iterator[tuple[ConfigError, Sequence[str]]]:
    """Yield an error for each program that names a column that its sources lack.

    Sources without known `columns` are left out. The error comes with the names of the sources.
    """
    of_groups = [(rule.program, [rule.source]) for rule in target.groups.values() if rule.source]
    for program, sources in [(target.program, list(target.sources)), *of_groups]:
        if all(name in columns for name in sources):
            try:
                check_columns(program, {name: columns[name] for name in sources})
            except ConfigError as error:
                yield error, sources


def source_spec(config: Config, name: str) -> SourceSpec[Any]:
    """Return the source called `name`, ready to be opened."""
    settings = config.sources[name]
    place = place_of_source(name)
    return SourceSpec(
        name=name,
        settings=settings,
        base_dir=config.base_dir,
        config_name=config.path.name,
        secret=SecretReader(config, settings, *place),
        state_file=config.state_file,
        secrets=lambda option: SecretReader(config, getattr(settings, option), *place, option),
        place=place,
        keeping=Keeping(kept_read_path(config.state_dir, name), settings.whole_read_every()),
    )


def compile_target(config: Config, name: str) -> CompiledTarget:
    """Compile the target called `name`, without reading its sources.

    Raise ConfigError for an error in its tables.
    """
    settings = config.targets[name]
    profile = config.registries.profiles[settings.profile]()
    dialect = config.registries.dialects[settings.dialect or profile.dialect or DEFAULT_DIALECT]
    if settings.groups and not getattr(dialect, "has_groups", True):
        raise ConfigError(
            f"{config.where('targets', name, 'groups')}: this dialect does not provision groups",
            hint="remove the groups of this target, or choose another dialect",
            code="SYNC-0128",
        )
    program, groups = compile_users(config, name), compile_groups(config, name)
    settings = settings.model_copy(update={"match": program.match_paths})
    policy = Policy(
        target=name,
        scope=settings.scope,
        leave=_leaving(settings, profile),
        create=settings.actions.create,
        update=settings.actions.update,
        remove=settings.actions.remove,
        revoke=_revoked(config, name, program),
        adopting={
            table: rule.match for table, rule in groups.items() if settings.groups[table].adopt
        },
        protect=compile_protect(config, name),
        match=program.match_paths,
    )
    product = _product_rules(name, settings, profile, program)
    return CompiledTarget(
        name,
        settings,
        program.without(product.left_out),
        replace(policy, product=product),
        dialect,
        profile,
        groups,
    )


def _revoked(config: Config, target: str, program: Program) -> tuple[str, ...]:
    """Return the paths of `revoke`, as the mapping spells them.

    Names are case-insensitive (RFC 7643 section 2.1). Raise ConfigError for one that is not mapped.
    """
    known = {path.casefold(): path for path in ("memberships", *program.paths)}
    revoked = config.targets[target].leave.revoke
    for path in revoked:
        if path.casefold() not in known:
            raise ConfigError(
                f"{config.where('targets', target, 'leave', 'revoke')}: {path!r} is neither"
                " memberships nor a mapped attribute",
                details=(f"found: {', '.join(known.values())}",),
                hint=did_you_mean(path, known.values()),
                code="SYNC-0126",
            )
    return tuple(dict.fromkeys(known[path.casefold()] for path in revoked))


def _leaving(settings: Target, profile: Profile) -> Leaving:
    """Return what happens to leavers. If users cannot be deleted, they stay deactivated."""
    leave = settings.leave
    if profile.delete_means in ("deactivate", "refuse") and leave.deletes:
        return Leaving("deactivate")
    return Leaving(leave.action, leave.delete_after)


def _product_rules(
    target: str, settings: Target, profile: Profile, program: Program
) -> ProductRules:
    return ProductRules(
        name=profile.product or target,
        max_chars=profile.max_chars,
        forbidden=profile.forbidden,
        id_is=profile.id_is,
        write_delay=profile.write_delay,
        groups=profile.groups,
        members_returned=profile.members_returned,
        left_out=tuple(
            slot.path for slot in program.slots if lies_within(profile.not_supported, slot.path)
        ),
        immutable=tuple(path for path in program.paths if lies_within(profile.immutable, path)),
        group_immutable=profile.group_immutable,
        send_only=tuple(path for path in program.paths if lies_within(profile.send_only, path)),
        invites=profile.invite,
        asks_to_delete=settings.leave.deletes,
        deactivation=profile.deactivate_means,
        deletion=profile.delete_means,
    )


def _named_columns(source: str, targets: Sequence[CompiledTarget]) -> frozenset[str]:
    """Return the columns that any target's expressions use of the records of a source.

    All targets count, so that a run for one target stores the same columns as a run for all.
    """
    names = {
        column
        for target in targets
        if source in target.sources
        for column in target.program.columns
    }
    for target in targets:
        names |= {
            column
            for rule in target.groups.values()
            if rule.source == source
            for column in rule.program.columns
        }
    return frozenset(names)
