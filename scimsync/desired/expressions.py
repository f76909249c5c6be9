"""Check one expression, and turn it into the form that Jinja2 compiles.

Errors that can be found without a record raise ConfigError: syntax, and unknown filters, access
rules and tables.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn, cast

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

from scimsync.desired.conditions import ColumnNames, Use, typed
from scimsync.desired.expression_errors import UnusableValue
from scimsync.desired.expression_filters import CONCAT, REF, SLICE
from scimsync.desired.expression_syntax import parse_syntax
from scimsync.desired.jinja_filters import REMOVED
from scimsync.desired.parsed_expression import (
    ExpressionLocation,
    Names,
    ParsedExpression,
    References,
)
from scimsync.desired.sandbox import Sandbox
from scimsync.desired.times import zone_of
from scimsync.formatting import one_line
from scimsync.model.did_you_mean import did_you_mean
from scimsync.model.lookup_tables import ReadTable

_ZONE_AT = {"date": 1, "datetime": 1, "epoch": 1, "filetime": 0}
"""The position of the argument `tz` of filters."""
_NAMED_FILTER = {"map": 0}
_NAMED_TEST = {"select": 0, "reject": 0, "selectattr": 1, "rejectattr": 1}
_NO_FORMAT = (
    "write it with ~, as in given ~ ' ' ~ family, or with the filter: '%05d' | format(number | int)"
)
_COLUMN_BY_NAME = "col takes the name of a column: col['First Name']"


def parse(
    text: str,
    location: ExpressionLocation,
    names: Names,
    environment: Sandbox,
    *,
    use: Use = Use.VALUE,
    in_rule: bool = False,
    in_scope: bool = False,
) -> ParsedExpression:
    """Parse the expression `text`.

    An access rule (`in_rule`) may refer to other rules only as `'Name' in access`. A rule and a
    scope (`in_scope`) see the variables of rules. Raise ConfigError for every error.
    """
    node = parse_syntax(text, location, environment)
    rewriter = _Rewriter(
        text, location, names, environment, in_rule=in_rule, sees_rules=in_rule or in_scope
    )
    node = cast(nodes.Expr, rewriter.visit(node))
    columns = ColumnNames({variable: name for name, variable in names.columns.items()}, names.lists)
    try:
        node = typed(node, use, columns, [names.rule(rule) for rule in names.rules])
    except UnusableValue as error:
        raise location.error(str(error), details=[one_line(text)], code=error.code) from None
    return ParsedExpression(location, text, node, rewriter.uses)


class _Rewriter(NodeTransformer):
    """A visitor that checks the syntax tree of an expression and rewrites names and operators."""

    def __init__(
        self,
        text: str,
        location: ExpressionLocation,
        names: Names,
        environment: Sandbox,
        *,
        in_rule: bool,
        sees_rules: bool,
    ) -> None:
        self.uses = References()
        self._text = text
        self._location = location
        self._names = names
        self._environment = environment
        self._in_rule = in_rule
        self._sees_rules = sees_rules

    def visit_Name(self, node: nodes.Name) -> nodes.Expr:  # noqa: N802
        if node.name == "today":
            self.uses.today = True
            return node
        if node.name == "now":
            self.uses.now = True
            return node
        if node.name == "access":
            if self._in_rule:
                self._fail(
                    "an access rule can only refer to another one by name",
                    hint="write 'Name' in access",
                    code="SYNC-0305",
                )
            self.uses.any_rule = True
            return node
        if node.name == "ref":
            self._fail(
                "ref is a function of one key", hint="write ref(manager_id)", code="SYNC-0307"
            )
        if node.name == "col":
            self._fail(_COLUMN_BY_NAME, code="SYNC-0307")
        return self._column(node.name)

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Expr:  # noqa: N802
        if _is_name(node.node, "col"):
            if not (isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str)):
                self._fail(
                    "col takes the name of a column in quotes",
                    hint="write col['First Name']",
                    code="SYNC-0307",
                )
            return self._column(node.arg.value)
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            parts = [
                part or nodes.Const(None) for part in (node.arg.start, node.arg.stop, node.arg.step)
            ]
            return _filter(node.node, SLICE, *parts)
        return node

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Expr:  # noqa: N802
        if _is_name(node.node, "col"):
            self._fail(_COLUMN_BY_NAME, code="SYNC-0307")
        if node.attr.startswith("_"):
            self._fail(f'there is no "{node.attr}" in expressions', code="SYNC-0304")
        if node.attr in ("format", "format_map"):
            self._fail(
                f'there is no "{node.attr}" of texts in expressions',
                hint=_NO_FORMAT,
                code="SYNC-0304",
            )
        return cast(nodes.Expr, self.generic_visit(node))

    def visit_Call(self, node: nodes.Call) -> nodes.Expr:  # noqa: N802
        if _is_name(node.node, "ref"):
            return self._ref(node)
        if isinstance(node.node, nodes.Name):
            name = node.node.name
            hint = (
                f"write … | {name}"
                if name in self._known_filters()
                else "ref(key) is the only one; see the filters"
            )
            self._fail(f'no function "{name}"', hint=hint, code="SYNC-0304")
        if not isinstance(node.node, nodes.Getattr):
            self._fail("only methods can be called, as in email.split('@')", code="SYNC-0304")
        return cast(nodes.Expr, self.generic_visit(node))

    def visit_Filter(self, node: nodes.Filter) -> nodes.Expr:  # noqa: N802
        self._check_filter(node.name)
        self._check_zone(node)
        if node.name == "lookup":
            self._lookup(node)
        if node.name in _NAMED_FILTER:
            self._check_named(node, _NAMED_FILTER[node.name], is_filter=True)
        elif node.name in _NAMED_TEST:
            self._check_named(node, _NAMED_TEST[node.name], is_filter=False)
        return cast(nodes.Expr, self.generic_visit(node))

    def visit_Test(self, node: nodes.Test) -> nodes.Expr:  # noqa: N802
        self._check_test(node.name)
        return cast(nodes.Expr, self.generic_visit(node))

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:  # noqa: N802
        self.generic_visit(node)
        return _filter(nodes.Tuple(node.nodes, "load"), CONCAT)

    def visit_CondExpr(self, node: nodes.CondExpr) -> nodes.Expr:  # noqa: N802
        """Make `'x' if condition` without an else absent otherwise."""
        self.generic_visit(node)
        if node.expr2 is None:
            node.expr2 = nodes.Const(None)
        return node

    def visit_Compare(self, node: nodes.Compare) -> nodes.Expr:  # noqa: N802
        left = node.expr
        for operand in node.ops:
            if (
                operand.op in ("in", "notin")
                and _is_name(operand.expr, "access")
                and isinstance(left, nodes.Const)
            ):
                self._check_rule(left.value)
                if len(node.ops) == 1:
                    return self._rule(str(left.value), node, negated=operand.op == "notin")
            left = operand.expr
        return cast(nodes.Expr, self.generic_visit(node))

    def _ref(self, node: nodes.Call) -> nodes.Expr:
        by = [each.value for each in node.kwargs if each.key == "by"]
        if len(node.args) != 1 or len(node.kwargs) != len(by) or node.dyn_args or node.dyn_kwargs:
            self._fail(
                "ref is a function of one key",
                hint="write ref(manager_id), or ref(manager_email, by='email')",
                code="SYNC-0307",
            )
        self.uses.refers = True
        value = cast(nodes.Expr, self.visit(node.args[0]))
        if not by:
            return _filter(value, REF)
        if not (isinstance(by[0], nodes.Const) and isinstance(by[0].value, str)):
            self._fail(
                "by is an expression over the columns of the other record, in quotes",
                hint="write ref(manager_email, by='email')",
                code="SYNC-0292",
            )
        text = " ".join(by[0].value.split())
        self._name(text)
        return _filter(value, REF, nodes.Const(text))

    def _name(self, text: str) -> None:
        """Note the expression `by` of a reference; its columns are used."""
        if text not in self._names.names:
            parsed = parse(text, self._location, self._names, self._environment)
            uses = parsed.uses
            if (
                uses.nothing
                or uses.rules
                or uses.any_rule
                or uses.today
                or uses.now
                or uses.any_table
            ):
                self._fail(
                    f"by={text!r} must depend on columns of the other record, and on nothing else",
                    hint="write by='email', or by=\"given ~ ' ' ~ family\"",
                    code="SYNC-0292",
                )
            if uses.tables or uses.refers:
                self._fail(
                    f"by={text!r} cannot use lookup or ref",
                    hint="write by='email', or by=\"given ~ ' ' ~ family\"",
                    code="SYNC-0292",
                )
            self._names.names[text] = parsed
        self.uses.names.add(text)
        for column in self._names.names[text].uses.columns:
            if column not in self.uses.columns:
                self.uses.columns.append(column)

    def _column(self, name: str) -> nodes.Expr:
        if name not in self.uses.columns:
            self.uses.columns.append(name)
        return nodes.Name(self._names.column(name), "load")

    def _rule(self, name: str, node: nodes.Compare, *, negated: bool) -> nodes.Expr:
        self.uses.rules.append(name)
        if not self._sees_rules:
            return node
        holds = nodes.Name(self._names.rule(name), "load")
        return nodes.Not(holds) if negated else holds

    def _check_rule(self, name: object) -> None:
        if name not in self._names.rules:
            defined = ", ".join(self._names.rules) or "none"
            hint = did_you_mean(str(name), self._names.rules) or "rules are written in [access]"
            self._fail(
                f'no access rule "{name}"',
                details=[f"found: {defined}"],
                hint=hint,
                code="SYNC-0305",
            )

    def _lookup(self, node: nodes.Filter) -> None:
        table = (
            node.args[0]
            if node.args
            else next((each.value for each in node.kwargs if each.key == "table"), None)
        )
        if table is None:
            self._fail(
                "lookup takes the name of a table",
                hint="write site | lookup('sites')",
                code="SYNC-0306",
            )
        if not isinstance(table, nodes.Const):
            self.uses.any_table = self.uses.any_read_table = True
        elif table.value in self._names.tables:
            self.uses.tables.add(table.value)
            if isinstance(self._names.tables[table.value], ReadTable):
                self.uses.any_read_table = True
        else:
            found = ", ".join(self._names.tables) or "none"
            hint = (
                did_you_mean(str(table.value), self._names.tables)
                or f"tables are written as [tables.{table.value}]"
            )
            self._fail(
                f'no table "{table.value}"',
                details=[f"found: {found}"],
                hint=hint,
                code="SYNC-0306",
            )

    def _check_zone(self, node: nodes.Filter) -> None:
        """Check the time zone of `date(tz='Europe/Vienna')`, if it is a constant."""
        at = _ZONE_AT.get(node.name)
        zones = [] if at is None else node.args[at : at + 1]
        for zone in (*zones, *(each.value for each in node.kwargs if each.key == "tz")):
            self.uses.zoned = True
            if isinstance(zone, nodes.Const):
                try:
                    zone_of(zone.value)
                except UnusableValue as error:
                    self._fail(str(error), hint="write tz='Europe/Vienna'", code="SYNC-0294")

    def _check_named(self, node: nodes.Filter, position: int, *, is_filter: bool) -> None:
        """Check a filter or test given by name: `| map('lower')`, `| select('equalto', 'x')`."""
        if len(node.args) <= position or not isinstance(name := node.args[position], nodes.Const):
            self.uses.any_table = self.uses.any_table or is_filter  # it may turn out to be lookup
            self.uses.any_read_table = self.uses.any_table
            return
        if not is_filter:
            self._check_test(str(name.value))
            return
        self._check_filter(str(name.value))
        if name.value == "lookup":
            self._lookup(nodes.Filter(node.node, "lookup", node.args[1:], node.kwargs, None, None))

    def _check_filter(self, name: str) -> None:
        if name in REMOVED:
            self._fail(f'no filter "{name}": {REMOVED[name]}', code="SYNC-0303")
        known = self._known_filters()
        if name not in known:
            self._fail(
                f'no filter "{name}"',
                hint=did_you_mean(name, known) or "the filters are those of Jinja2",
                code="SYNC-0303",
            )

    def _check_test(self, name: str) -> None:
        tests = self._environment.tests
        if name not in tests:
            self._fail(
                f'no test "{name}"',
                hint=did_you_mean(name, tests) or "the tests are those of Jinja2",
                code="SYNC-0303",
            )

    def _known_filters(self) -> list[str]:
        return [name for name in self._environment.filters if name.isidentifier()]

    def _fail(
        self, problem: str, *, code: str, details: Iterable[str] = (), hint: str | None = None
    ) -> NoReturn:
        raise self._location.error(
            problem, details=[one_line(self._text), *details], hint=hint, code=code
        )


def _is_name(node: nodes.Node, name: str) -> bool:
    return isinstance(node, nodes.Name) and node.name == name


def _filter(node: nodes.Expr, name: str, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(node, name, list(args), [], None, None)
