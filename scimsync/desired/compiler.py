"""Compile the configuration of one target into a program, and report all errors in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time

from scimsync.desired.access_rules import (
    in_dependency_order,
    parse_rules,
    scope_and_rules,
    used_rules,
)
from scimsync.desired.assignments import Assignment, Assignments
from scimsync.desired.conditions import Use
from scimsync.desired.expression_errors import UnusableValue
from scimsync.desired.expressions import parse
from scimsync.desired.leaver_matching import MatchAttribute, MatchExpressions
from scimsync.desired.mapping_reader import MappingReader, filtered_elements
from scimsync.desired.match_paths import match_paths
from scimsync.desired.parsed_expression import ExpressionLocation, Names, ParsedExpression
from scimsync.desired.program import MappedAttribute, Program
from scimsync.desired.reference_lookup import NameExpression, name_expression
from scimsync.desired.sandbox import Sandbox
from scimsync.model.accounts import IDENTITY
from scimsync.model.ids import IDENTITY_ATTRIBUTES, Kind
from scimsync.model.lookup_tables import ReadTable
from scimsync.model.mappings import Constant, Expression, Generate, MappedValue
from scimsync.tomltext import dotted_key

# part of every digest: raise it when the same configuration starts to give other documents
_FORMAT = 2


@dataclass(frozen=True, slots=True)
class Extra:
    """An expression that sets no attribute; `keys` is its place in the configuration."""

    keys: tuple[str, ...]
    text: str
    use: Use = Use.ACCESS


def compile_program(
    name: str,
    mapping: Mapping[str, MappedValue],
    scope: str | None,
    access: Mapping[str, str],
    tables: Mapping[str, Mapping[str, object]],
    where: str = "sync.toml",
    *,
    kind: Kind = Kind.USER,
    section: Sequence[str] | None = None,
    places: Mapping[str, Sequence[str]] | None = None,
    extras: Mapping[str, Extra] | None = None,
    match: Sequence[str] = (),
    lists: Collection[str] = (),
) -> Program:
    """Compile `mapping` (SCIM path -> value) of the target `name`.

    `where` is the file that messages name, and `section` holds the keys that lead to the mapping in
    it (default: `targets.NAME.user`). `places` holds the keys of the lines that are elsewhere.
    Without a `scope`, every record is in scope. `extras` are further expressions over the same
    records, by names of their own; their values become `Desired.extras`. `match` are the paths to
    match by, and `lists` the columns that hold a list in every record.

    Raise ConfigError for every error that can be found without a record. Columns are not checked
    here: see `check_columns`.
    """
    keys = ("targets", name, kind.value) if section is None else tuple(section)
    environment = Sandbox(tables)
    names = Names(access, tables, lists)
    rules = parse_rules(access, where, names, environment)
    condition = _parse_scope(scope, keys, where, names, environment)
    reader = MappingReader(keys, places or {}, where, kind, names, environment)
    slots = reader.slots(mapping)
    required = reader.required(slots)
    table = keys if kind is Kind.GROUP else keys[:-1]
    here = ExpressionLocation(where, dotted_key((*table, "match")))
    match = match_paths(match, [slot.path for slot in slots], kind, here)
    extras = extras or {}
    further = _parse_extras(extras, where, names, environment)
    parsed = _all_parsed(condition, slots, further.values())
    order = in_dependency_order(rules, used_rules(parsed, access))
    rules_used = tuple(rule for rule in access if rule in order)
    expressions = (*(rules[rule] for rule in rules_used), *parsed)
    columns = _columns(expressions)
    variables = {extra_name: f"_x{index}" for index, extra_name in enumerate(further)}
    tables_used = _tables_used(expressions, tables)
    gate = scope_and_rules(names, rules, order, rules_used, condition, environment)
    return Program(
        rules=rules_used,
        expressions=expressions,
        columns=columns,
        uses_today=any(expr.uses.today for expr in expressions),
        tables=_read_tables(tables_used),
        uses_time=any(expr.uses.time for expr in expressions),
        paths=tuple(slot.path for slot in slots if not slot.once),
        digest=_digest(
            kind,
            mapping,
            scope,
            {rule: access[rule] for rule in rules_used},
            tables_used,
            extras,
        ),
        variables=tuple(map(names.column, columns)),
        gate=gate,
        mapping=_assignments(slots, further, variables, environment),
        slots=tuple(slots),
        elements=filtered_elements(slots),
        required=required,
        extras=tuple(variables.items()),
        match_paths=match,
        match=_match(slots, match, environment),
        identity=_match(slots, (*match, *IDENTITY_ATTRIBUTES), environment),
        person=_match(slots, IDENTITY, environment),
        names=_name_expressions(names, environment),
    )


def _parse_scope(
    scope: str | None, keys: Sequence[str], where: str, names: Names, environment: Sandbox
) -> ParsedExpression | None:
    if scope is None:
        return None
    location = ExpressionLocation(where, dotted_key((*keys[:-1], "scope")))
    return parse(scope, location, names, environment, use=Use.CONDITION, in_scope=True)


def _all_parsed(
    condition: ParsedExpression | None,
    slots: Iterable[MappedAttribute],
    further: Iterable[ParsedExpression],
) -> list[ParsedExpression]:
    found = (condition, *(slot.source for slot in slots), *further)
    return [one for one in found if one is not None]


def _columns(expressions: Iterable[ParsedExpression]) -> tuple[str, ...]:
    """Return the columns that the expressions use, each once."""
    return tuple(dict.fromkeys(column for expr in expressions for column in expr.uses.columns))


def _read_tables(tables: Mapping[str, Mapping[str, object]]) -> tuple[ReadTable, ...]:
    return tuple(table for table in tables.values() if isinstance(table, ReadTable))


def _parse_extras(
    extras: Mapping[str, Extra], where: str, names: Names, environment: Sandbox
) -> dict[str, ParsedExpression]:
    return {
        name: parse(
            extra.text,
            ExpressionLocation(where, dotted_key(extra.keys)),
            names,
            environment,
            use=extra.use,
        )
        for name, extra in extras.items()
    }


def _name_expressions(names: Names, environment: Sandbox) -> tuple[NameExpression, ...]:
    return tuple(
        name_expression(by, parsed, names.columns, environment)
        for by, parsed in names.names.items()
    )


def _assignments(
    slots: Sequence[MappedAttribute],
    extras: Mapping[str, ParsedExpression],
    variables: Mapping[str, str],
    environment: Sandbox,
) -> Assignments | None:
    """Return the assignments that evaluate the mapping and the further expressions."""
    found = [
        Assignment(slot.variable, slot.source.node, slot.source) for slot in slots if slot.source
    ]
    found += [Assignment(variables[name], parsed.node, parsed) for name, parsed in extras.items()]
    return Assignments(found, environment) if found else None


def check_lines(
    mapping: Mapping[str, MappedValue],
    access: Mapping[str, str],
    tables: Mapping[str, Mapping[str, object]],
    where: str,
    section: Sequence[str],
) -> None:
    """Raise ConfigError for an error in lines for users that may be only a part of a mapping.

    The arguments are those of `compile_program`.
    """
    environment = Sandbox(tables)
    names = Names(access, tables)
    MappingReader(tuple(section), {}, where, Kind.USER, names, environment).slots(mapping)


def _match(
    slots: Sequence[MappedAttribute], match: Sequence[str], environment: Sandbox
) -> MatchExpressions:
    attributes = [
        MatchAttribute(slot.path, slot.shape, slot.source, slot.constant)
        for slot in slots
        if slot.path in match and slot.length is None
    ]
    return MatchExpressions(attributes, environment)


def _tables_used(
    expressions: Sequence[ParsedExpression], tables: Mapping[str, Mapping[str, object]]
) -> dict[str, Mapping[str, object]]:
    if any(expr.uses.any_table for expr in expressions):
        return dict(tables)
    used = set[str]().union(*(expr.uses.tables for expr in expressions))
    return {name: entries for name, entries in tables.items() if name in used}


def _digest(
    kind: Kind,
    mapping: Mapping[str, MappedValue],
    scope: str | None,
    rules: Mapping[str, str],
    tables: Mapping[str, Mapping[str, object]],
    extras: Mapping[str, Extra],
) -> str:
    everything = [
        _FORMAT,
        kind,
        {path: _described(mapped) for path, mapped in mapping.items()},
        scope,
        list(rules.items()),
        {
            name: {"": entries.source} if isinstance(entries, ReadTable) else entries
            for name, entries in tables.items()
        },
        {name: extra.text for name, extra in extras.items()},
    ]
    text = json.dumps(everything, sort_keys=True, default=_dated)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _described(mapped: MappedValue) -> list[object]:
    match mapped:
        case Expression(text, once):
            return ["expr", text, once]
        case Constant(value, once):
            return ["const", value, once]
        case Generate(length):
            return ["generate", length]


def _dated(value: object) -> list[str]:
    """Return dates and times as JSON values: TOML has them, JSON does not."""
    if isinstance(value, (date, time)):
        return [type(value).__name__, value.isoformat()]
    raise UnusableValue(f"{type(value).__name__} is not a constant", code="SYNC-0325")
