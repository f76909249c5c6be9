"""Compile the configuration of one target into a program, and report all errors in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from jinja2 import nodes

from scimsync.desired.assignments import Assignment, AssignmentFailed, Assignments
from scimsync.desired.attribute_values import Shape, shape_for
from scimsync.desired.conditions import Use
from scimsync.desired.expression_errors import UnusableValue, code_of, explain
from scimsync.desired.expression_filters import HOLDING
from scimsync.desired.expressions import parse
from scimsync.desired.matching import MatchAttribute, MatchExpressions
from scimsync.desired.names import name_expression
from scimsync.desired.parsed_expression import ExpressionLocation, Names, ParsedExpression
from scimsync.desired.program import ACCESS, SCOPE, FilteredElement, MappedAttribute, Program
from scimsync.desired.sandbox import Sandbox
from scimsync.desired.schema_attributes import (
    REQUIRED,
    Attribute,
    ValueForm,
    attribute_at,
    meant,
)
from scimsync.formatting import one_line
from scimsync.model.ids import Kind
from scimsync.model.lookup_tables import ReadTable
from scimsync.model.mappings import Constant, Expression, Generate, MappedValue
from scimsync.scim.grammar import PathError
from scimsync.scim.settable import check_settable, settable_path
from scimsync.tomltext import dotted_key

# part of every digest: raise it when the same configuration starts to give other documents
_FORMAT = 2

_GIVES_ACCESS = frozenset({"roles", "entitlements"})


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
    rules = _parse_rules(access, where, names, environment)
    condition = None
    if scope is not None:
        location = ExpressionLocation(where, dotted_key((*keys[:-1], "scope")))
        condition = parse(scope, location, names, environment, use=Use.CONDITION, in_scope=True)
    reader = _MappingReader(keys, places or {}, where, kind, names, environment)
    slots = reader.slots(mapping)
    further = {
        extra_name: parse(
            extra.text,
            ExpressionLocation(where, dotted_key(extra.keys)),
            names,
            environment,
            use=extra.use,
        )
        for extra_name, extra in (extras or {}).items()
    }
    conditions = [condition] if condition else []
    parsed = [*conditions, *(slot.source for slot in slots if slot.source), *further.values()]
    order = _in_dependency_order(rules, _rules_used(parsed, access))
    rules_used = tuple(rule for rule in access if rule in order)
    expressions = (*(rules[rule] for rule in rules_used), *parsed)
    columns = tuple(dict.fromkeys(column for expr in expressions for column in expr.uses.columns))
    variables = {extra_name: f"_x{index}" for index, extra_name in enumerate(further)}
    assignments = [
        Assignment(slot.variable, slot.source.node, slot.source) for slot in slots if slot.source
    ]
    assignments += [
        Assignment(variables[extra_name], parsed_extra.node, parsed_extra)
        for extra_name, parsed_extra in further.items()
    ]
    return Program(
        rules=rules_used,
        expressions=expressions,
        columns=columns,
        uses_today=any(expr.uses.today for expr in expressions),
        tables=tuple(
            table
            for table in _tables_used(expressions, tables).values()
            if isinstance(table, ReadTable)
        ),
        uses_time=any(expr.uses.time for expr in expressions),
        paths=tuple(slot.path for slot in slots if not slot.once),
        digest=_digest(
            kind,
            mapping,
            scope,
            {rule: access[rule] for rule in rules_used},
            {
                table: {"": entries.source} if isinstance(entries, ReadTable) else entries
                for table, entries in _tables_used(expressions, tables).items()
            },
            extras or {},
        ),
        variables=tuple(map(names.column, columns)),
        gate=_gate(names, rules, order, rules_used, condition, environment)
        if condition or order
        else None,
        mapping=Assignments(assignments, environment) if assignments else None,
        slots=tuple(slots),
        elements=_elements(slots),
        required=reader.required(slots),
        extras=tuple(variables.items()),
        match=_match(slots, match, environment),
        names=tuple(
            name_expression(by, parsed_name, names.columns, environment)
            for by, parsed_name in names.names.items()
        ),
    )


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
    _MappingReader(tuple(section), {}, where, Kind.USER, names, environment).slots(mapping)


def _match(
    slots: Sequence[MappedAttribute], match: Sequence[str], environment: Sandbox
) -> MatchExpressions:
    attributes = [
        MatchAttribute(slot.path, slot.shape, slot.source, slot.constant)
        for slot in slots
        if slot.path in match and slot.length is None
    ]
    return MatchExpressions(attributes, environment)


# Access rules


def _parse_rules(
    access: Mapping[str, str], where: str, names: Names, environment: Sandbox
) -> dict[str, ParsedExpression]:
    rules = {
        rule: parse(
            text,
            ExpressionLocation(where, dotted_key(("access", rule))),
            names,
            environment,
            use=Use.CONDITION,
            in_rule=True,
        )
        for rule, text in access.items()
    }
    _in_dependency_order(rules, rules)  # rules that this target does not use must be right too
    return rules


def _in_dependency_order(rules: Mapping[str, ParsedExpression], wanted: Iterable[str]) -> list[str]:
    """Return the `wanted` rules and those that they use, each after those that it uses.

    Raise ConfigError, with the cycle in its details, if rules refer to each other in a cycle.
    """
    order: list[str] = []
    for name in wanted:
        _visit(name, rules, order, [])
    return order


def _visit(
    name: str, rules: Mapping[str, ParsedExpression], order: list[str], path: list[str]
) -> None:
    if name in order:
        return
    if name in path:
        cycle = " -> ".join([*path[path.index(name) :], name])
        raise rules[name].location.error(
            "access rules refer to each other in a cycle", details=[cycle], code="SYNC-0305"
        )
    for other in rules[name].uses.rules:
        _visit(other, rules, order, [*path, name])
    order.append(name)


def _rules_used(expressions: Iterable[ParsedExpression], access: Iterable[str]) -> list[str]:
    """Return the access rules that `expressions` name, or all if one uses `access` as a whole."""
    if any(expr.uses.any_rule for expr in expressions):
        return list(access)
    return [rule for expr in expressions for rule in expr.uses.rules]


def _tables_used(
    expressions: Sequence[ParsedExpression], tables: Mapping[str, Mapping[str, object]]
) -> dict[str, Mapping[str, object]]:
    if any(expr.uses.any_table for expr in expressions):
        return dict(tables)
    used = set[str]().union(*(expr.uses.tables for expr in expressions))
    return {name: entries for name, entries in tables.items() if name in used}


def _gate(
    names: Names,
    rules: Mapping[str, ParsedExpression],
    order: Sequence[str],
    used: Sequence[str],
    condition: ParsedExpression | None,
    environment: Sandbox,
) -> Assignments:
    """Return the assignments that evaluate the scope and the access rules, in `order`.

    The scope comes before the rules that it does not need: their failure must not keep the account
    of a leaver.
    """
    of_scope = order
    if condition is not None and not condition.uses.any_rule:
        of_scope = _in_dependency_order(rules, condition.uses.rules)
    flags = nodes.Tuple([nodes.Name(names.rule(rule), "load") for rule in used], "load")
    holding = nodes.Filter(flags, HOLDING, [nodes.Const(tuple(used))], [], None, None)
    scope = nodes.Const(True) if condition is None else condition.node
    first = [_evaluate(names, rules, rule) for rule in of_scope]
    rest = [_evaluate(names, rules, rule) for rule in order if rule not in of_scope]
    last = [Assignment(ACCESS, holding, None), Assignment(SCOPE, scope, condition)]
    if rest:
        last.reverse()
        last[1:1] = rest
    return Assignments([*first, *last], environment)


def _evaluate(names: Names, rules: Mapping[str, ParsedExpression], rule: str) -> Assignment:
    return Assignment(names.rule(rule), rules[rule].node, rules[rule])


# Mapping


@dataclass(frozen=True, slots=True)
class _MappingReader:
    """A reader of the lines of one mapping."""

    keys: tuple[str, ...]
    places: Mapping[str, Sequence[str]]
    where: str
    kind: Kind
    names: Names
    environment: Sandbox

    def slots(self, mapping: Mapping[str, MappedValue]) -> list[MappedAttribute]:
        if not mapping:
            raise self._location().error(
                "maps no attribute",
                hint=f'write at least {REQUIRED[self.kind]} = "…"',
                code="SYNC-0140",
            )
        try:
            check_settable(mapping)
        except PathError as error:
            raise self._location(error.text).error(error.problem, code="SYNC-0145") from None
        return [
            self._slot(text, mapped, f"_v{index}")
            for index, (text, mapped) in enumerate(mapping.items())
        ]

    def required(self, slots: Iterable[MappedAttribute]) -> MappedAttribute:
        """Return the attribute that every resource must have."""
        name = REQUIRED[self.kind]
        for slot in slots:
            if slot.path == name:
                if slot.source is None and slot.constant is None and slot.length is None:
                    raise slot.location.error("is required and must not be empty", code="SYNC-0140")
                return slot
        raise self._location().error(
            f"{name} is required and not mapped", hint=f'write {name} = "…"', code="SYNC-0140"
        )

    def _location(self, path: str | None = None) -> ExpressionLocation:
        """Return the location of the line for `path`, or of the whole mapping."""
        keys = self.keys if path is None else self.places.get(path, (*self.keys, path))
        return ExpressionLocation(self.where, dotted_key(keys))

    def _slot(self, text: str, mapped: MappedValue, variable: str) -> MappedAttribute:
        close = meant(settable_path(text).path, self.kind)
        if close is not None:
            raise self._location(text).error(
                "no such attribute", hint=f'did you mean "{close}"?', code="SYNC-0141"
            )
        attribute = attribute_at(settable_path(text).path, self.kind)
        path, here, shape = str(attribute), self._location(text), shape_for(attribute)
        if isinstance(mapped, Generate):
            return MappedAttribute(path, here, shape, once=True, length=mapped.length)
        if isinstance(mapped, Constant):
            constant = _constant(mapped.value, shape, here)
            return MappedAttribute(path, here, shape, once=mapped.once, constant=constant)
        use = _use_of(attribute)
        parsed = parse(mapped.text, here, self.names, self.environment, use=use)
        if not parsed.uses.nothing:
            return MappedAttribute(
                path, here, shape, once=mapped.once, source=parsed, variable=variable
            )
        assignment = Assignment(variable, parsed.node, parsed)
        try:
            value = Assignments([assignment], self.environment).run({})[variable]
        except AssignmentFailed as failed:
            raise here.error(
                explain(failed.error), details=[one_line(mapped.text)], code=code_of(failed.error)
            ) from None
        constant = _constant(value, shape, here)
        return MappedAttribute(path, here, shape, once=mapped.once, constant=constant)


def _use_of(attribute: Attribute) -> Use:
    if attribute.form is ValueForm.BOOLEAN:
        return Use.BOOLEAN
    return Use.ACCESS if attribute.path.attribute in _GIVES_ACCESS else Use.VALUE


def _constant(value: Any, shape: Shape, here: ExpressionLocation) -> Any:
    try:
        return shape(value)
    except Exception as error:
        raise here.error(explain(error), code=code_of(error)) from None


def _elements(slots: Sequence[MappedAttribute]) -> tuple[FilteredElement, ...]:
    """Return the filtered elements that could be left with constants only.

    An element with some constant parts would otherwise stay when its values are absent. Its varying
    parts decide whether it is sent; `primary` only decides if there are no others.
    """
    by_element: dict[str, list[MappedAttribute]] = {}
    for slot in slots:
        path = settable_path(slot.path)
        if path.pins:
            by_element.setdefault(path.element, []).append(slot)
    elements = []
    for members in by_element.values():
        varying = [slot for slot in members if slot.source is not None or slot.length is not None]
        alive = [slot for slot in varying if not slot.path.endswith(".primary")] or varying
        if alive and len(alive) < len(members):
            paths = tuple(slot.path for slot in members)
            elements.append(FilteredElement(paths, tuple(slot.path for slot in alive)))
    return tuple(elements)


# Digest


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
        tables,
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
    raise UnusableValue(f"{type(value).__name__} is no constant", code="SYNC-0325")
