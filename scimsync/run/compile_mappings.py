"""Compile the mappings of a target's users and groups into programs."""

from __future__ import annotations

from collections.abc import Sequence

from scimsync.config.models import Config
from scimsync.config.targets import Group
from scimsync.desired.column_check import check_columns
from scimsync.desired.compiler import Extra, check_lines, compile_program
from scimsync.desired.conditions import Use
from scimsync.desired.groups import MEMBERS, SUBGROUPS, VALUE, GroupForm, GroupRule
from scimsync.desired.program import Program
from scimsync.desired.schema_attributes import meant, sub_meant
from scimsync.errors import ConfigError
from scimsync.model.ids import Kind
from scimsync.scim.filters import Filter, attributes_of, parse_filter
from scimsync.scim.grammar import FilterError
from scimsync.scim.paths import Path


def compile_users(config: Config, target: str) -> Program:
    """Compile the mapping of the users of `target`.

    The program's `extras` decide which groups a user is in. Raise ConfigError for every error that
    can be found without a record.
    """
    settings = config.targets[target]
    extras: dict[str, Extra] = {}
    for name, group in settings.groups.items():
        keys = ("targets", target, "groups", name)
        if group.each is not None:
            extras[name] = Extra((*keys, "each"), group.each)
        elif group.source is None and group.members is not None:
            extras[name] = Extra((*keys, "members"), group.members, Use.CONDITION)
    return compile_program(
        target,
        settings.user,
        settings.scope,
        config.access,
        config.tables,
        config.path.name,
        places=config.places.get(target, {}),
        extras=extras,
        match=settings.match,
        lists=_lists(config, settings.source),
    )


def check_shared_mapping(config: Config, name: str) -> None:
    """Raise ConfigError for an error in the lines of a shared mapping.

    Those that no target takes over count too.
    """
    lines = config.mappings[name].attributes
    if lines:
        section = ("mappings", name)
        check_lines(lines, config.access, config.tables, config.path.name, section)


def unused_mappings(config: Config) -> list[str]:
    """Return the shared mappings whose lines no target takes over."""
    used: set[str] = set()
    following = [target.extends for target in config.targets.values()]
    while following:
        name = following.pop()
        if name is not None and name not in used:
            used.add(name)
            following.append(config.mappings[name].extends)
    return [name for name in config.mappings if name not in used]


def compile_groups(config: Config, target: str) -> dict[str, GroupRule]:
    """Compile the groups of `target`, by their names in sync.toml.

    Raise ConfigError for every error that can be found without a record.
    """
    return {
        name: _group(config, target, name, group)
        for name, group in config.targets[target].groups.items()
    }


def _group(config: Config, target: str, name: str, group: Group) -> GroupRule:
    keys = ("targets", target, "groups", name)
    for path in group.attributes:
        if path.lower() == "members":
            raise ConfigError(
                f"{config.where(*keys, path)}: members are not an attribute here",
                hint="write members = …",
                code="SYNC-0147",
            )
    kind = (
        GroupForm.EACH
        if group.each is not None
        else GroupForm.RULE
        if group.source is None
        else GroupForm.SOURCE
    )
    extras: dict[str, Extra] = {}
    if kind is GroupForm.SOURCE:
        if group.members is not None:
            extras[MEMBERS] = Extra((*keys, "members"), group.members)
        if group.subgroups is not None:
            extras[SUBGROUPS] = Extra((*keys, "subgroups"), group.subgroups)
    program = compile_program(
        target,
        group.attributes,
        None,
        config.access,
        config.tables,
        config.path.name,
        kind=Kind.GROUP,
        section=keys,
        extras=extras,
        match=group.match,
        lists=_lists(config, [group.source] if group.source is not None else []),
    )
    if program.names:
        raise ConfigError(
            f"{config.where(*keys)}: ref(…, by=…) is for attributes of users",
            hint="write ref(owner_id); a query can join the key of a user",
            code="SYNC-0292",
        )
    if kind is GroupForm.EACH:
        check_columns(program, {"each": [VALUE]}, f"here: a group of each has only {VALUE}")
    elif kind is GroupForm.RULE and program.columns:
        raise ConfigError(
            f"{config.where(*keys)}: a group by rule has no record, so {program.columns[0]!r} means"
            " nothing here",
            hint=f'a constant text is written {{ value = "{program.columns[0]}" }}',
            code="SYNC-0147",
        )
    return GroupRule(name, kind, program, group.source, group.leave.action, program.match_paths)


def compile_protect(config: Config, target: str) -> tuple[Filter, ...]:
    """Compile the filters of `protect`. Raise ConfigError for text that is not a filter."""
    where = config.where("targets", target, "protect")
    conditions = []
    for text in config.targets[target].protect:
        try:
            condition = parse_filter(text)
        except FilterError as error:
            raise ConfigError(
                f"{where}: {error}",
                hint="""write a SCIM filter, such as 'userName sw "svc-"'""",
                code="SYNC-0362",
            ) from None
        for attribute in attributes_of(condition):
            path = Path(attribute.schema, attribute.name, sub=attribute.sub)
            top, close = meant(path, Kind.USER), sub_meant(path, Kind.USER)
            if top is not None or close is not None:
                raise ConfigError(
                    f"{where}: {text}: no such attribute: {attribute.name if top else path}",
                    hint=f'did you mean "{top or close}"?',
                    code="SYNC-0362",
                )
        conditions.append(condition)
    return tuple(conditions)


def _lists(config: Config, sources: Sequence[str]) -> frozenset[str]:
    """Return the columns that the settings of each of `sources` make lists."""
    columns = [frozenset(getattr(config.sources[name], "lists", ())) for name in sources]
    return frozenset.intersection(*columns) if columns else frozenset()
