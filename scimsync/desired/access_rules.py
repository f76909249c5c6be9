"""The access rules that a program needs, and the order in which they are evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from jinja2 import nodes

from scimsync.desired.assignments import Assignment, Assignments
from scimsync.desired.conditions import Use
from scimsync.desired.expression_filters import HOLDING
from scimsync.desired.expressions import parse
from scimsync.desired.parsed_expression import ExpressionLocation, Names, ParsedExpression
from scimsync.desired.program import ACCESS, SCOPE
from scimsync.desired.sandbox import Sandbox
from scimsync.tomltext import dotted_key


def parse_rules(
    access: Mapping[str, str], where: str, names: Names, environment: Sandbox
) -> dict[str, ParsedExpression]:
    """Return the parsed rules of `access`. Raise ConfigError for an error in any of them."""
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
    in_dependency_order(rules, rules)  # rules that this target does not use must be right too
    return rules


def in_dependency_order(rules: Mapping[str, ParsedExpression], wanted: Iterable[str]) -> list[str]:
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


def used_rules(expressions: Iterable[ParsedExpression], access: Iterable[str]) -> list[str]:
    """Return the access rules that `expressions` name, or all if one uses `access` as a whole."""
    if any(expr.uses.any_rule for expr in expressions):
        return list(access)
    return [rule for expr in expressions for rule in expr.uses.rules]


def scope_and_rules(
    names: Names,
    rules: Mapping[str, ParsedExpression],
    order: Sequence[str],
    used: Sequence[str],
    condition: ParsedExpression | None,
    environment: Sandbox,
) -> Assignments | None:
    """Return the assignments that evaluate the scope and the access rules, in `order`.

    Return None if there are neither. The scope comes before the rules that it does not need: their
    failure must not keep the account of a leaver.
    """
    if condition is None and not order:
        return None
    of_scope = order
    if condition is not None and not condition.uses.any_rule:
        of_scope = in_dependency_order(rules, condition.uses.rules)
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
