"""Compile the configuration of one target into a program, and report all errors in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from jinja2 import nodes

from scimsync.desired.access import reachable
from scimsync.desired.attributes import REQUIRED, attribute_at, meant
from scimsync.desired.documents import Shape, shape_for
from scimsync.desired.expressions import Names, Parsed, Place, parse
from scimsync.desired.failures import Unusable, code_of, explain, one_line
from scimsync.desired.filters import HOLDING
from scimsync.desired.program import ACCESS, SCOPE, Element, Program, Slot
from scimsync.desired.sandbox import Sandbox
from scimsync.desired.stages import Stage, Step, StepFailed
from scimsync.desired.values import Constant, Expression, Extra, Generate, Mapped
from scimsync.model.ids import Kind
from scimsync.scim.grammar import PathError
from scimsync.scim.settable import check_settable, settable_path
from scimsync.tomltext import dotted_key as dotted

# part of every digest: increase it when the same configuration starts to give different documents
_FORMAT = 1


def compile_program(
    name: str,
    mapping: Mapping[str, Mapped],
    scope: str | None,
    access: Mapping[str, str],
    tables: Mapping[str, Mapping[str, object]],
    where: str = "sync.toml",
    *,
    kind: Kind = Kind.USER,
    section: Sequence[str] | None = None,
    extras: Mapping[str, Extra] | None = None,
) -> Program:
    """Compile the mapping of target `name`: SCIM path -> Expression, Constant or Generate.

    `where` is the file that messages name, and `section` holds the keys that lead to the mapping in
    it (default: `targets.NAME.user`). Without a `scope`, every record is in scope. `extras` are
    further expressions over the same records, by names of their own; their values become
    `Desired.extras`.

    Raise ConfigError for every error that can be found without a record. Columns are not checked
    here: see `check_columns`.
    """
    keys = ("targets", name, kind.value) if section is None else tuple(section)
    environment = Sandbox(tables)
    names = Names(access, tables)
    rules = _parse_rules(access, where, names, environment)
    condition = None
    if scope is not None:
        condition = parse(scope, Place(where, dotted((*keys[:-1], "scope"))), names, environment)
    reader = _MappingReader(keys, where, kind, names, environment)
    slots = reader.slots(mapping)
    parsed_extras = {
        name: parse(extra.text, Place(where, dotted(extra.keys)), names, environment)
        for name, extra in (extras or {}).items()
    }
    conditions = [condition] if condition else []
    parsed = [*conditions, *(slot.source for slot in slots if slot.source), *parsed_extras.values()]
    order = reachable(rules, _rules_of(parsed, access))
    reached = tuple(rule for rule in access if rule in order)
    expressions = (*(rules[rule] for rule in reached), *parsed)
    columns = tuple(dict.fromkeys(column for expr in expressions for column in expr.uses.columns))
    variables = {name: f"_x{index}" for index, name in enumerate(parsed_extras)}
    steps = _steps(slots, parsed_extras, variables)
    return Program(
        rules=reached,
        expressions=expressions,
        columns=columns,
        uses_today=any(expression.uses.today for expression in expressions),
        paths=tuple(slot.path for slot in slots if not slot.once),
        digest=_digest(
            kind,
            mapping,
            scope,
            {rule: access[rule] for rule in reached},
            _tables_of(expressions, tables),
            extras or {},
        ),
        variables=tuple(map(names.column, columns)),
        gate=_gate(names, rules, order, reached, condition, environment)
        if condition or order
        else None,
        mapping=Stage(steps, environment) if steps else None,
        slots=tuple(slots),
        elements=_elements(slots),
        required=reader.required(slots),
        extras=tuple(variables.items()),
    )


def _parse_rules(
    access: Mapping[str, str], where: str, names: Names, environment: Sandbox
) -> dict[str, Parsed]:
    rules = {
        rule: parse(text, Place(where, dotted(("access", rule))), names, environment, in_rule=True)
        for rule, text in access.items()
    }
    reachable(rules, rules)  # a cycle is an error even if this target does not use it
    return rules


def _steps(
    slots: Iterable[Slot], extras: Mapping[str, Parsed], variables: Mapping[str, str]
) -> list[Step]:
    """Return the steps that evaluate a mapping and the extra expressions."""
    steps = [Step(slot.variable, slot.source.node, slot.source) for slot in slots if slot.source]
    return steps + [Step(variables[name], extra.node, extra) for name, extra in extras.items()]


@dataclass(frozen=True, slots=True)
class _MappingReader:
    """A reader of the lines of one mapping."""

    keys: tuple[str, ...]
    where: str
    kind: Kind
    names: Names
    environment: Sandbox

    def slots(self, mapping: Mapping[str, Mapped]) -> list[Slot]:
        if not mapping:
            raise self._place().error(
                "maps no attribute",
                hint=f'write at least {REQUIRED[self.kind]} = "…"',
                code="SYNC-0140",
            )
        try:
            check_settable(mapping)
        except PathError as error:
            raise self._place(error.text).error(error.problem, code="SYNC-0145") from None
        return [
            self._slot(text, mapped, f"_v{index}")
            for index, (text, mapped) in enumerate(mapping.items())
        ]

    def required(self, slots: Iterable[Slot]) -> Slot:
        """Return the slot of the attribute that every resource must have."""
        name = REQUIRED[self.kind]
        for slot in slots:
            if slot.path == name:
                if slot.source is None and slot.constant is None and slot.length is None:
                    raise slot.place.error("is required and must not be empty", code="SYNC-0140")
                return slot
        raise self._place().error(
            f"{name} is required and not mapped", hint=f'write {name} = "…"', code="SYNC-0140"
        )

    def _place(self, *more: str) -> Place:
        return Place(self.where, dotted((*self.keys, *more)))

    def _slot(self, text: str, mapped: Mapped, variable: str) -> Slot:
        suggestion = meant(settable_path(text).path, self.kind)
        if suggestion is not None:
            raise self._place(text).error(
                "no such attribute", hint=f'did you mean "{suggestion}"?', code="SYNC-0141"
            )
        attribute = attribute_at(settable_path(text).path, self.kind)
        path, here, shape = str(attribute), self._place(text), shape_for(attribute)
        if isinstance(mapped, Generate):
            return Slot(path, here, shape, once=True, length=mapped.length)
        if isinstance(mapped, Constant):
            return Slot(
                path, here, shape, once=mapped.once, constant=_constant(mapped.value, shape, here)
            )
        parsed = parse(mapped.text, here, self.names, self.environment)
        if not parsed.uses.nothing:
            return Slot(path, here, shape, once=mapped.once, source=parsed, variable=variable)
        try:
            value = Stage([Step(variable, parsed.node, parsed)], self.environment).run({})[variable]
        except StepFailed as failed:
            raise here.error(
                explain(failed.error), details=[one_line(mapped.text)], code=code_of(failed.error)
            ) from None
        return Slot(path, here, shape, once=mapped.once, constant=_constant(value, shape, here))


def _constant(value: Any, shape: Shape, here: Place) -> Any:
    try:
        return shape(value)
    except Exception as error:
        raise here.error(explain(error), code=code_of(error)) from None


def _rules_of(expressions: Iterable[Parsed], access: Iterable[str]) -> list[str]:
    """Return the access rules that `expressions` name, or all if one uses `access` as a whole."""
    if any(expression.uses.any_rule for expression in expressions):
        return list(access)
    return [rule for expression in expressions for rule in expression.uses.rules]


def _tables_of(
    expressions: Sequence[Parsed], tables: Mapping[str, Mapping[str, object]]
) -> dict[str, Mapping[str, object]]:
    if any(expression.uses.any_table for expression in expressions):
        return dict(tables)
    used = set[str]().union(*(expression.uses.tables for expression in expressions))
    return {name: entries for name, entries in tables.items() if name in used}


def _gate(
    names: Names,
    rules: Mapping[str, Parsed],
    order: Iterable[str],
    reached: Sequence[str],
    condition: Parsed | None,
    environment: Sandbox,
) -> Stage:
    """Return the stage that evaluates the access rules, in the given order, and then the scope."""
    steps = [Step(names.rule(rule), _truth(rules[rule].node), rules[rule]) for rule in order]
    flags = nodes.Tuple([nodes.Name(names.rule(rule), "load") for rule in reached], "load")
    steps.append(
        Step(
            ACCESS,
            nodes.Filter(flags, HOLDING, [nodes.Const(tuple(reached))], [], None, None),
            None,
        )
    )
    steps.append(
        Step(SCOPE, nodes.Const(True) if condition is None else _truth(condition.node), condition)
    )
    return Stage(steps, environment)


def _truth(node: nodes.Expr) -> nodes.Expr:
    return nodes.Not(nodes.Not(node))


def _elements(slots: Sequence[Slot]) -> tuple[Element, ...]:
    """Return the filtered elements that could be left with constants only.

    An element with some constant parts would otherwise stay when its values are absent. Its varying
    parts decide whether it is sent; `primary` only decides if there are no others.
    """
    by_element: dict[str, list[Slot]] = {}
    for slot in slots:
        where = settable_path(slot.path)
        if where.pins:
            by_element.setdefault(where.element, []).append(slot)
    elements = []
    for members in by_element.values():
        varying = [slot for slot in members if slot.source is not None or slot.length is not None]
        alive = [slot for slot in varying if not slot.path.endswith(".primary")] or varying
        if alive and len(alive) < len(members):
            elements.append(
                Element(tuple(slot.path for slot in members), tuple(slot.path for slot in alive))
            )
    return tuple(elements)


def _digest(
    kind: Kind,
    mapping: Mapping[str, Mapped],
    scope: str | None,
    rules: Mapping[str, str],
    tables: Mapping[str, Mapping[str, object]],
    extras: Mapping[str, Extra],
) -> str:
    lines = {path: _described(mapped) for path, mapped in mapping.items()}
    content = [
        _FORMAT,
        kind,
        lines,
        scope,
        list(rules.items()),
        tables,
        {name: extra.text for name, extra in extras.items()},
    ]
    text = json.dumps(content, sort_keys=True, default=_dated)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _described(mapped: Mapped) -> list[object]:
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
    raise Unusable(f"{type(value).__name__} is no constant", code="SYNC-0325")
