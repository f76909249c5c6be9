"""Compile sync.toml for a run, before anything is read or sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from scimsync.config.models import DEFAULT_CONCURRENCY, Config, Target
from scimsync.config.secrets import secret_reader
from scimsync.desired.columns import check_columns
from scimsync.desired.groups import GroupRule
from scimsync.desired.program import Program
from scimsync.errors import ConfigError, ScimsyncError
from scimsync.model.targets import GroupTable
from scimsync.plan.candidates import Leaving, Policy
from scimsync.run.compile_mappings import compile_groups, compile_users
from scimsync.scim.dialects import DEFAULT_DIALECT, Dialect
from scimsync.scim.profiles import Profile
from scimsync.snapshot.index import index_path
from scimsync.sources import SourceSpec
from scimsync.targets.sender import open_authenticator
from scimsync.transport.auth import Authenticator


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
        """The sources of its users and of its groups."""
        of_groups = (rule.source for rule in self.groups.values() if rule.source is not None)
        return tuple(dict.fromkeys((*self.sources, *of_groups)))

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
    def rate(self) -> float | None:
        """The largest number of requests per second, or None for no limit."""
        return self.config.rate if self.config.rate is not None else self.profile.rate

    @property
    def concurrency(self) -> int:
        """The largest number of requests in flight."""
        return self.config.concurrency or self.profile.concurrency or DEFAULT_CONCURRENCY

    def digest(self, today: date) -> str:
        """Return a digest that changes when every user has to be planned again.

        It changes with the mapping, the scope and the rules, and on a new day if an expression
        uses `today`.
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
        ]
        return hashlib.blake2b(orjson.dumps(decides), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class CompiledSource:
    """One source: its settings, the columns that expressions use, and its index file."""

    spec: SourceSpec[Any]
    used: tuple[str, ...]
    index: Path


@dataclass(frozen=True, slots=True)
class CompiledConfig:
    """Everything in sync.toml that a run needs.

    `authenticators` holds those of the targets whose secrets were resolved.
    """

    config: Config
    sources: Mapping[str, CompiledSource]
    targets: Mapping[str, CompiledTarget]
    authenticators: Mapping[str, Authenticator]


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

    Raise ConfigError for an error in sync.toml, a missing secret, or a column that an expression
    names and no source has. Raise SourceUnavailable or SourceFormatError for a source that cannot
    be used.
    """
    for name in names:
        if name not in config.targets:
            raise config.unknown_target(name)
    targets = {name: compile_target(config, name) for name in config.targets}
    chosen = {name: targets[name] for name in names or targets}
    authenticators = _authenticators(config, chosen) if secrets else {}
    sources = _open_sources(config, chosen, list(targets.values())) if read else {}
    return CompiledConfig(config, sources, chosen, authenticators)


def _open_sources(
    config: Config, chosen: Mapping[str, CompiledTarget], targets: Sequence[CompiledTarget]
) -> dict[str, CompiledSource]:
    """Return the sources of the `chosen` of all targets, and check their columns."""
    wanted = {source for target in chosen.values() for source in target.all_sources}
    specs = {name: source_spec(config, name) for name in config.sources if name in wanted}
    columns = {name: _columns(spec) for name, spec in specs.items()}
    for target in chosen.values():
        _check_columns(target, columns)
    return {
        name: CompiledSource(
            spec, _used_columns(name, columns[name], targets), index_path(config.state_dir, name)
        )
        for name, spec in specs.items()
    }


def with_secrets(compiled: CompiledConfig) -> CompiledConfig:
    """Return the configuration with the secrets of all its targets.

    This runs the commands of `cmd:` references. Raise ConfigError for a missing secret.
    """
    authenticators = _authenticators(compiled.config, compiled.targets)
    return replace(compiled, authenticators=authenticators)


def _authenticators(config: Config, names: Iterable[str]) -> dict[str, Authenticator]:
    return {name: open_authenticator(config, name) for name in names}


def _check_columns(target: CompiledTarget, columns: Mapping[str, Sequence[str]]) -> None:
    """Raise ConfigError for a column that an expression names and no source has."""
    check_columns(target.program, {name: columns[name] for name in target.sources})
    for rule in target.groups.values():
        if rule.source is not None:
            check_columns(rule.program, {rule.source: columns[rule.source]})


def _columns(spec: SourceSpec[Any]) -> list[str]:
    """Return the columns of a source; add the source's name to errors."""
    try:
        return spec.columns()
    except ScimsyncError as error:
        error.source = spec.name
        raise


def source_spec(config: Config, name: str) -> SourceSpec[Any]:
    """Return the source called `name`, ready to be opened."""
    settings = config.sources[name]
    return SourceSpec(
        name=name,
        settings=settings,
        base_dir=config.base_dir,
        config_name=config.path.name,
        secret=secret_reader(config, settings, "sources", name),
    )


def compile_target(config: Config, name: str) -> CompiledTarget:
    """Compile the target called `name`, without reading its sources.

    Raise ConfigError for an error in its tables.
    """
    settings = config.targets[name]
    profile = config.registries.profiles[settings.profile]()
    dialect = config.registries.dialects[settings.dialect or profile.dialect or DEFAULT_DIALECT]
    policy = Policy(
        target=name,
        scope=settings.scope,
        leave=Leaving(settings.leave.action, settings.leave.delete_after),
        create=settings.actions.create,
        update=settings.actions.update,
        remove=settings.actions.remove,
        revoke=settings.leave.revoke,
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
    return CompiledTarget(name, settings, program, policy, dialect, profile, groups)


def _used_columns(
    source: str, columns: Sequence[str], targets: Sequence[CompiledTarget]
) -> tuple[str, ...]:
    """Return the columns of a source that any target's expressions use.

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
    return tuple(column for column in columns if column in names)
