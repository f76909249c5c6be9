"""The compiled sync.toml: the facts that a run needs about its sources and targets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import orjson

from scimsync.config.models import Config
from scimsync.config.targets import DEFAULT_CONCURRENCY, Target
from scimsync.desired.groups import GroupRule
from scimsync.desired.program import Program
from scimsync.desired.reference_lookup import NameExpression
from scimsync.errors import ScimsyncError, most_severe
from scimsync.model.ids import IDENTITY_ATTRIBUTES
from scimsync.model.lookup_tables import ReadTable
from scimsync.model.target_memory import GroupTable
from scimsync.plan.candidates import Policy
from scimsync.scim.dialects import Dialect
from scimsync.scim.profiles import Profile
from scimsync.scim.profiles.rates import RequestRate
from scimsync.sources import SourceSpec
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
    def identity_paths(self) -> tuple[str, ...]:
        """The attributes that tell whose an account is: those of `match`, and the usual ones."""
        return tuple(dict.fromkeys((*self.config.match, *IDENTITY_ATTRIBUTES)))

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
    def depends_on_time(self) -> bool:
        """Whether an expression uses the day or the time of the run."""
        programs = (self.program, *(rule.program for rule in self.groups.values()))
        return any(program.depends_on_time for program in programs)

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
    run. `configured` are all targets in sync.toml. `authenticators` holds those of the targets
    whose secrets were resolved, and `expiries` the days on which these expire, as far as they are
    known.
    """

    config: Config
    sources: Mapping[str, CompiledSource]
    targets: Mapping[str, CompiledTarget]
    authenticators: Mapping[str, Authenticator]
    unusable: Mapping[str, UnusableTarget] = field(default_factory=dict)
    expiries: Mapping[str, date | None] = field(default_factory=dict)
    configured: Mapping[str, CompiledTarget] = field(default_factory=dict)

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


def names_of(source: str, targets: Iterable[CompiledTarget]) -> tuple[NameExpression, ...]:
    """Return the expressions by which any target's references find the records of a source."""
    found = {
        one.by: one
        for target in targets
        if source in target.sources
        for one in target.program.names
    }
    return tuple(found.values())
