"""Give the operators of an expression types: booleans in conditions, and comparable values.

In a condition each operand of `and`, `or`, `not` and the result is a boolean; a text is read as one
or fails (`truth`). A value keeps Jinja2's `a or b`, but the expression after an `if` in it is a
condition too, except that `x if x else y` only asks whether x is filled.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, cast

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from scimsync.desired import comparisons
from scimsync.desired.bounds import PRODUCT
from scimsync.desired.expression_errors import UnusableValue, show

_ORDERED = {
    "lt": comparisons.LESS,
    "lteq": comparisons.LESS_OR_EQUAL,
    "gt": comparisons.GREATER,
    "gteq": comparisons.GREATER_OR_EQUAL,
}


class Use(Enum):
    """The purpose of an expression."""

    CONDITION = auto()
    """A scope, an access rule, the members of a group by rule."""
    BOOLEAN = auto()
    """An attribute that is true or false."""
    ACCESS = auto()
    """A value that gives access: roles, entitlements, the groups of `each`."""
    VALUE = auto()
    """Any other value."""


@dataclass(frozen=True, slots=True)
class ColumnNames:
    """The columns of an expression: variable -> name, and the names of those that hold lists."""

    names: Mapping[str, str]
    lists: Collection[str] = ()

    def of(self, node: nodes.Node) -> str | None:
        """Return the name of the column that `node` is, if it is one."""
        return self.names.get(node.name) if isinstance(node, nodes.Name) else None


def typed(node: nodes.Expr, use: Use, columns: ColumnNames, rules: Collection[str]) -> nodes.Expr:
    """Return the expression with types. `rules` are the variables of access rules.

    Raise UnusableValue for a comparison that can never hold.
    """
    typing = _Typing(columns, rules, strict=use is not Use.VALUE)
    if use is Use.CONDITION:
        return typing.condition(node, strict=True)
    return typing.boolean(node) if use is Use.BOOLEAN else typing.value(node)


class _Typing(NodeTransformer):
    """The transformation of one expression, from the outside to the inside.

    Where it is not `strict`, an `if` in a value treats any text as true unless it is a word for no.
    """

    def __init__(self, columns: ColumnNames, rules: Collection[str], *, strict: bool) -> None:
        self._columns = columns
        self._rules = rules
        self._strict = strict

    def value(self, node: nodes.Expr) -> nodes.Expr:
        """Return `node`, of which only the parts change."""
        return cast(nodes.Expr, self.visit(node))

    def boolean(self, node: nodes.Expr) -> nodes.Expr:
        """Return the value of a boolean attribute: nothing stays nothing if it is a value alone.

        `enabled or 'yes'` gives a default, as in other values.
        """
        if isinstance(node, nodes.CondExpr):
            return self._choice(node, self.boolean)
        default = isinstance(node, nodes.Or) and isinstance(node.right, nodes.Const)
        if isinstance(node, (nodes.And, nodes.Or)) and not default:
            return self.condition(node, strict=True)
        return self.value(node)

    def condition(
        self, node: nodes.Expr, filled: Collection[str] = (), *, strict: bool
    ) -> nodes.Expr:
        """Return `node` as a boolean. Of the variables `filled`, only ask whether they are filled.

        If it is not `strict`, any text counts as true that does not say no.
        """

        def part(node: nodes.Expr) -> nodes.Expr:
            return self.condition(node, filled, strict=strict)

        if isinstance(node, (nodes.And, nodes.Or)):
            return type(node)(part(node.left), part(node.right))
        if isinstance(node, nodes.CondExpr):
            otherwise = node.expr2 or nodes.Const(False)
            return nodes.CondExpr(part(node.test), part(node.expr1), part(otherwise))
        if self._is_boolean(node):
            return self.value(node)
        if isinstance(node, nodes.Name) and node.name in filled:
            return nodes.Not(nodes.Not(node))
        if not strict:
            return _filter(self.value(node), comparisons.FILLED)
        column = nodes.Const(self._columns.of(node))
        return _filter(self.value(node), comparisons.TRUTH, column)

    def visit_Not(self, node: nodes.Not) -> nodes.Expr:  # noqa: N802
        return nodes.Not(self.condition(node.node, strict=self._strict))

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Expr:  # noqa: N802
        return self._choice(node, self.value)

    def visit_And(self, node: nodes.And) -> nodes.Expr:  # noqa: N802
        """Make `flag and 'admin'` absent if the flag is false."""
        if self._is_boolean(node.right):
            return nodes.And(self.condition(node.left, strict=self._strict), self.value(node.right))
        return self._choice(nodes.CondExpr(node.left, node.right, nodes.Const(None)), self.value)

    def _choice(
        self, node: nodes.CondExpr, result: Callable[[nodes.Expr], nodes.Expr]
    ) -> nodes.Expr:
        results = [part for part in (node.expr1, node.expr2) if part is not None]
        test = self.condition(node.test, _variables(results), strict=self._strict)
        return nodes.CondExpr(test, *map(result, results))

    def visit_Mul(self, node: nodes.Mul) -> nodes.Expr:  # noqa: N802
        """Tell `'0' * 3` from the product of a column, which may be a text by mistake."""
        self.generic_visit(node)
        meant = any(
            isinstance(part, nodes.List)
            or (isinstance(part, nodes.Const) and isinstance(part.value, str))
            for part in (node.left, node.right)
        )
        return node if meant else _filter(node.left, PRODUCT, node.right)

    def visit_Compare(self, node: nodes.Compare) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        left, result = node.expr, None
        for operand in node.ops:
            compared = self._compared(operand.op, left, operand.expr)
            result = compared if result is None else nodes.And(result, compared)
            left = operand.expr
        assert result is not None  # noqa: S101 - a comparison has an operator
        return result

    def _compared(self, op: str, left: nodes.Expr, right: nodes.Expr) -> nodes.Expr:
        self._check_lists(op, left, right)
        if op in _ORDERED:
            return _filter(left, _ORDERED[op], right)
        name = comparisons.IN if op in ("in", "notin") else comparisons.EQUAL
        compared = _filter(left, name, right)
        return nodes.Not(compared) if op in ("ne", "notin") else compared

    def _check_lists(self, op: str, left: nodes.Expr, right: nodes.Expr) -> None:
        """Raise UnusableValue if a column that holds lists is compared with a constant."""
        pairs = [(left, right)] if op in ("in", "notin") else [(left, right), (right, left)]
        for column, other in pairs:
            name = self._columns.of(column)
            values = _constants(other, op)
            if name not in self._columns.lists or not values:
                continue
            word = "not in" if op in ("ne", "notin") else "in"
            join = " and " if word == "not in" else " or "
            instead = join.join(f"{_literal(value)} {word} {name}" for value in values)
            raise UnusableValue(
                f"{name} holds lists (lists in the source), which never equal a single value;"
                f" write {instead}",
                code="SYNC-0162",
            )

    def _is_boolean(self, node: nodes.Expr) -> bool:
        if isinstance(node, nodes.Name):
            return node.name in self._rules
        if isinstance(node, nodes.Const):
            return isinstance(node.value, bool)
        if isinstance(node, (nodes.And, nodes.Or)):
            return self._is_boolean(node.left) and self._is_boolean(node.right)
        return isinstance(node, (nodes.Compare, nodes.Not, nodes.Test))


def _variables(parts: Collection[nodes.Expr]) -> frozenset[str]:
    names = (name for part in parts for name in (part, *part.find_all(nodes.Name)))
    return frozenset(name.name for name in names if isinstance(name, nodes.Name))


def _constants(node: nodes.Expr, op: str) -> list[Any]:
    """Return the texts, numbers and booleans that a column is compared with, none for others."""
    if op in ("in", "notin"):
        items = node.items if isinstance(node, (nodes.List, nodes.Tuple)) else []
    else:
        items = [node]
    values = [item.value for item in items if isinstance(item, nodes.Const)]
    if len(values) < len(items) or any(value is None or value == "" for value in values):
        return []
    return values


def _literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else show(value)


def _filter(node: nodes.Expr, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None)
