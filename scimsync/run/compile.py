"""Compile sync.toml for a run, before anything is read or sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from scimsync.config.lookup_tables import place_of_source
from scimsync.config.models import Config
from scimsync.config.secrets import SecretReader
from scimsync.config.targets import DEFAULT_CONCURRENCY, Target
from scimsync.desired.columns import check_columns
from scimsync.desired.groups import GroupRule
from scimsync.desired.names import NameExpression
from scimsync.desired.program import Program
from scimsync.errors import SOURCE_ERRORS, ConfigError, ScimsyncError, SecretError, most_severe
from scimsync.model.lookup_tables import ReadTable
from scimsync.model.targets import GroupTable
from scimsync.plan.candidates import Leaving, Policy
from scimsync.plan.product import ProductRules
from scimsync.run.compile_mappings import (
    check_shared_mapping,
    compile_groups,
    compile_protect,
    compile_users,
)
from scimsync.run.display_names import compile_display, display_columns
from scimsync.run.stopping import stopped_by_sources
from scimsync.scim.dialects import DEFAULT_DIALECT, Dialect
from scimsync.scim.profiles import Profile
from scimsync.scim.profiles.coverage import lies_within
from scimsync.scim.profiles.rates import RequestRate
from scimsync.snapshot.index import index_path
from scimsync.sources import SourceSpec
from scimsync.sources.base import missing_column
from scimsync.targets.sender import open_authenticator
from scimsync.transport.auth import Authenticator

_DEFAULT_MATCH = Target.model_fields["match"].default
"""Left out of digests, which are those of versions that did not look up leavers by it."""


@dataclass(frozen=True, slots=True)
class CompiledTarget:
    """One target, ready to be planned: its program, its policy, and how to talk to it."""

    name: str
    config: Target
    program: Program
    policy: Policy
    dialect: Dialect
    profile: Profile
    groups: Mapping[str, GroupRule]

    @property
    def sources(self) -> tuple[str, ...]:
        """The sources of its users, in order."""
        return tuple(self.config.source)

    @property
    def all_sources(self) -> tuple[str, ...]:
        """The sources of its users, of its groups, and of the tables that it uses."""
        of_groups = (rule.source for rule in self.groups.values() if rule.source is not None)
        of_tables = (table.source for table in self.tables)
        return tuple(dict.fromkeys((*self.sources, *of_groups, *of_tables)))

    @property
    def tables(self) -> tuple[ReadTable, ...]:
        """The tables that are read and that its expressions use."""
        programs = (self.program, *(rule.program for rule in self.groups.values()))
        used = {table.source: table for program in programs for table in program.tables}
        return tuple(used[source] for source in sorted(used))

    @property
    def group_tables(self) -> dict[str, GroupTable]:
        """The group tables, as the state stores them."""
        return {name: GroupTable(rule.form, rule.leave) for name, rule in self.groups.items()}

    @property
    def uses_today(self) -> bool:
        """Whether an expression uses `today`, so that its result can change every day."""
        return self.program.uses_today or any(
            rule.program.uses_today for rule in self.groups.values()
        )

    @property
    def members_per_request(self) -> int:
        """The number of members that one request may change."""
        return self.profile.members_per_patch

    @property
    def removals_per_request(self) -> int | None:
        """The number of members that one request may remove, if it may not add others."""
        return self.profile.removals_per_patch

    @property
    def rate(self) -> float | None:
        """The largest number of requests per second, or None for no limit."""
        return self.config.rate if self.config.rate is not None else self.profile.rate

    @property
    def rates(self) -> tuple[RequestRate, ...]:
        """The limits of the product by class of request, unless sync.toml sets its own."""
        return () if self.config.rate is not None else self.profile.rates

    @property
    def concurrency(self) -> int:
        """The largest number of requests in flight."""
        return self.config.concurrency or self.profile.concurrency or DEFAULT_CONCURRENCY

    @property
    def bulk(self) -> bool | None:
        """Whether to send bulk requests, or None to go by what the target declares.

        A product whose limits count requests of a class may count each operation of a bulk.
        """
        if self.config.bulk is not None:
            return None if self.config.bulk == "auto" else self.config.bulk
        if self.profile.bulk is None and self.profile.rates:
            return False
        return self.profile.bulk

    def digest(self, today: date) -> str:
        """Return a digest that changes when every user has to be planned again.

        It changes with the mapping, the scope and the rules, with the entries of tables that are
        read, and on a new day if an expression uses `today`.
        """
        decides = [
            self.program.digest,
            self.sources,
            self.config.url,
            self.config.profile,
            self.config.dialect,
            self.config.leave.action,
            (
                None
                if self.config.leave.delete_after is None
                else self.config.leave.delete_after.total_seconds()
            ),
            self.policy.create,
            self.policy.update,
            self.policy.remove,
            self.policy.revoke,
            [
                (name, rule.form, rule.program.digest, rule.source, rule.leave)
                for name, rule in self.groups.items()
            ],
            today.isoformat() if self.uses_today else None,
            *([] if self.config.match == _DEFAULT_MATCH else [self.config.match]),
            *([] if self.config.type == "scim" else [self.config.type]),
            *([table.source, table.digest] for table in self.tables),
        ]
        return hashlib.blake2b(orjson.dumps(decides), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class CompiledSource:
    """One source: its settings, the columns that expressions use, and its index file.

    `named` are also the columns in use that the source lacks and another source of a target has,
    but not those that only `[display]` uses: no account depends on them.
    """

    spec: SourceSpec[Any]
    used: tuple[str, ...]
    named: frozenset[str]
    index: Path


@dataclass(frozen=True, slots=True)
class UnusableTarget:
    """A target that a run leaves out, and why: a source or a secret that cannot be used."""

    compiled: CompiledTarget
    error: ScimsyncError


@dataclass(frozen=True, slots=True)
class CompiledConfig:
    """Everything in sync.toml that a run needs.

    `sources` and `targets` are those that can be used, and `unusable` are the other targets of the
    run. `authenticators` holds those of the targets whose secrets were resolved, and `expiries` the
    days on which these expire, as far as they are known.
    """

    config: Config
    sources: Mapping[str, CompiledSource]
    targets: Mapping[str, CompiledTarget]
    authenticators: Mapping[str, Authenticator]
    unusable: Mapping[str, UnusableTarget] = field(default_factory=dict)
    expiries: Mapping[str, date | None] = field(default_factory=dict)

    @property
    def sources_of_targets(self) -> dict[str, tuple[str, ...]]:
        """The sources of each target that can be used."""
        return {name: target.all_sources for name, target in self.targets.items()}

    @property
    def names(self) -> dict[str, tuple[NameExpression, ...]]:
        """The expressions by which references find records, by source."""
        targets = self.targets.values()
        sources = {source for target in targets for source in target.sources}
        return {source: names_of(source, targets) for source in sorted(sources)}

    def without(self, errors: Mapping[str, ScimsyncError]) -> CompiledConfig:
        """Return the configuration without some of its targets, given with the reasons.

        Raise the most severe of the errors if no target is left.
        """
        if not errors:
            return self
        if errors.keys() >= self.targets.keys():
            raise most_severe(errors.values())
        left_out = {name: UnusableTarget(self.targets[name], why) for name, why in errors.items()}
        targets = {name: one for name, one in self.targets.items() if name not in errors}
        used = {source for target in targets.values() for source in target.all_sources}
        return replace(
            self,
            sources={name: source for name, source in self.sources.items() if name in used},
            targets=targets,
            unusable={**self.unusable, **left_out},
        )


def create_only_paths(program: Program) -> frozenset[str]:
    """Return the paths that are sent at creation only."""
    return frozenset(slot.path for slot in program.slots if slot.once or slot.length is not None)


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
    compiled = CompiledConfig(config, {}, chosen, {})
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
    policy = Policy(
        target=name,
        scope=settings.scope,
        leave=_leaving(settings, profile),
        create=settings.actions.create,
        update=settings.actions.update,
        remove=settings.actions.remove,
        revoke=settings.leave.revoke,
        adopting={name: group.match for name, group in settings.groups.items() if group.adopt},
        protect=compile_protect(config, name),
        match=tuple(settings.match),
    )
    program, groups = compile_users(config, name), compile_groups(config, name)
    known = ("memberships", *program.paths)
    for path in settings.leave.revoke:
        if path not in known:
            raise ConfigError(
                f"{config.where('targets', name, 'leave', 'revoke')}: {path!r} is neither"
                " memberships nor a mapped attribute",
                details=(f"found: {', '.join(known)}",),
                code="SYNC-0126",
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


def _leaving(settings: Target, profile: Profile) -> Leaving:
    """Return what happens to leavers. Where nobody can be deleted, they stay deactivated."""
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


def names_of(source: str, targets: Iterable[CompiledTarget]) -> tuple[NameExpression, ...]:
    """Return the expressions by which any target's references find the records of a source."""
    found = {
        one.by: one
        for target in targets
        if source in target.sources
        for one in target.program.names
    }
    return tuple(found.values())


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
