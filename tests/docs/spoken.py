"""What scimsync can say to a person when something is wrong: read out of its code, so that no
message is forgotten.

Texts are followed from where they end up (an error, an invalid setting, a failed operation, a
warning of the log) back to where they are written: over arguments, local names, tables of words and
what functions return. A message is its text with … for whatever is another one each time.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "scimsync"
LOGS = {"_LOG", "LOG"}

ERRORS = (
    *(
        "ScimsyncError",
        "ConfigError",
        "SourceFormatError",
        "SourceUnavailable",
        "TargetUnavailable",
        "TargetQuarantined",
    ),
    *(
        "StateError",
        "ReadOnlyStateError",
        "GuardStop",
        "Interrupted",
        "LeaseHeld",
        "TargetStopped",
        "RequestError",
        "InvalidRequest",
        "ProfileError",
        "UnknownName",
        "ForeignOriginError",
        "BaseUrlError",
        "ListingError",
    ),
    *(
        "NoResponse",
        "InvalidResponse",
        "Unusable",
        "DeliveryFailed",
        "UsageError",
        "BadParameter",
    ),
)
SAYS = {
    **dict.fromkeys((*ERRORS, "invalid", "Refusal", "error", "warning", "set_problem"), 0),
    **dict.fromkeys(("InvalidSetting", "ProbeStatus"), 1),
    **dict.fromkeys(("FilterError", "PathError", "give_up"), 2),
    **dict.fromkeys(("Problem", "DesireError"), 3),
    "RejectedRow": 2,
    **dict.fromkeys(("Finding", "Misfit"), 2),
}
"""What is called with a message -> at which place of its arguments the message stands."""

CARRIES = {"problem", "detail", "message", "why", "what", "wrong", "rule", "fault"}
"""What a parameter is called that is a message, or a part of one."""

NAMED = {"detail", "fault", "why", "wrong", "problem"}
"""What an argument is called that is a message, whoever is called with it."""

FAILURES = {"failures"}
"""Mappings from a key to why it fails."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Spoken:
    """All messages: text -> where it stands."""

    found: dict[str, set[str]] = field(default_factory=dict)
    _above: dict[ast.AST, ast.AST] = field(default_factory=dict)
    _file: dict[ast.AST, Path] = field(default_factory=dict)
    _functions: dict[str, list[Function]] = field(default_factory=dict)
    _tables: dict[str, list[ast.expr]] = field(default_factory=dict)
    _carriers: dict[str, set[tuple[int | None, str]]] = field(default_factory=dict)
    _seen: set[tuple[ast.AST, ast.AST | None]] = field(default_factory=set)

    def read(self) -> dict[str, set[str]]:
        """Reads the whole program."""
        calls: list[ast.Call] = []
        for path in sorted(PACKAGE.rglob("*.py")):
            tree = ast.parse(path.read_text("utf-8"))
            for node in ast.walk(tree):
                self._file[node] = path
                for child in ast.iter_child_nodes(node):
                    self._above[child] = node
                if isinstance(node, Function):
                    self._functions.setdefault(node.name, []).append(node)
                if isinstance(node, ast.Call):
                    calls.append(node)
        for node in list(self._file):
            for name, value in _assigned(node):
                if isinstance(self._above.get(node), ast.Module | ast.ClassDef):
                    self._tables.setdefault(name, []).append(value)
        failures = [(node, value) for node in self._file for value in _failures(node)]
        known = -1
        while known != (known := sum(map(len, self._carriers.values())) + len(self.found)):
            for call in calls:
                self._call(call)
            for node, value in failures:
                self._follow(value, self._scope(node))
        return self.found

    def _call(self, call: ast.Call) -> None:
        name, scope = _name(call.func), self._scope(call)
        places = {(SAYS[name], "")} if name in SAYS else set()
        if name in ("error", "warning") and not isinstance(call.func, ast.Attribute):
            places = set()
        logged = isinstance(call.func, ast.Attribute) and _name(call.func.value) in LOGS
        for at, keyword in places | self._carriers.get(name, set()):
            if at is not None and at < len(call.args):
                self._follow(call.args[at], scope, logged=logged)
            for one in call.keywords:
                if one.arg == keyword:
                    self._follow(one.value, scope)
        for one in call.keywords:
            if one.arg in NAMED:
                self._follow(one.value, scope)

    def _follow(self, value: ast.expr, scope: Function | None, *, logged: bool = False) -> None:
        if (value, scope) in self._seen:
            return
        self._seen.add((value, scope))
        match value:
            case ast.Constant(value=str(text)):
                self._say(value, re.sub(r"%[+.\d]*[a-z]", "…", text) if logged else text)
            case ast.JoinedStr(values=parts):
                self._say(
                    value,
                    "".join(
                        str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts
                    ),
                )
                for part in parts:
                    if isinstance(part, ast.FormattedValue) and (
                        isinstance(part.value, ast.Name | ast.IfExp | ast.Subscript)
                        or _name(part.value).startswith("_")
                    ):
                        self._follow(part.value, scope)
            case ast.IfExp(body=one, orelse=other) | ast.BinOp(left=one, right=other):
                self._follow(one, scope)
                self._follow(other, scope)
            case ast.BoolOp(values=parts) | ast.Tuple(elts=parts):
                for part in parts:
                    self._follow(part, scope)
            case ast.Subscript(value=table):
                for words in self._tables.get(_name(table), []):
                    for word in words.values if isinstance(words, ast.Dict) else []:
                        self._follow(word, None)
            case ast.Name(id=name):
                self._follow_name(name, scope)
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name)
            ):
                for function in self._functions.get(name, []):
                    for node in ast.walk(function):
                        if isinstance(node, ast.Return) and node.value is not None:
                            self._follow(node.value, function)

    def _follow_name(self, name: str, scope: Function | None) -> None:
        parameters, named_only = _parameters(scope)
        if name in CARRIES and name in (*parameters, *named_only) and scope is not None:
            at = parameters.index(name) if name in parameters else None
            self._carriers.setdefault(scope.name, set()).add((at, name))
        local = (
            [one for node in ast.walk(scope) for one in _assigned(node)]
            if scope is not None
            else []
        )
        values = [value for known, value in local if known == name]
        for value in values or ([] if name in parameters else self._tables.get(name, [])):
            self._follow(value, scope if values else None)

    def _say(self, node: ast.expr, text: str) -> None:
        self.found.setdefault(text.strip(), set()).add(
            f"{self._file[node].relative_to(PACKAGE)}:{node.lineno}"
        )

    def _scope(self, node: ast.AST) -> Function | None:
        above = self._above.get(node)
        while above is not None and not isinstance(above, Function):
            above = self._above.get(above)
        return above


def _name(node: ast.AST) -> str:
    """What is named, or called by its name."""
    node = node.func if isinstance(node, ast.Call) else node
    return (
        node.id
        if isinstance(node, ast.Name)
        else node.attr
        if isinstance(node, ast.Attribute)
        else ""
    )


def _parameters(scope: Function | None) -> tuple[list[str], list[str]]:
    if scope is None:
        return [], []
    names = [one.arg for one in (*scope.args.posonlyargs, *scope.args.args)]
    return names[1:] if names[:1] == ["self"] else names, [one.arg for one in scope.args.kwonlyargs]


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names that a statement gives a value, with that value; of `a, b = value` each may be it."""
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                for name in target.elts if isinstance(target, ast.Tuple) else [target]:
                    if isinstance(name, ast.Name):
                        yield name.id, value
        case (
            ast.AnnAssign(target=ast.Name(id=known), value=ast.expr() as value)
            | ast.AugAssign(target=ast.Name(id=known), value=value)
            | ast.NamedExpr(target=ast.Name(id=known), value=value)
        ):
            yield known, value


def _failures(node: ast.AST) -> Iterator[ast.expr]:
    """What a statement puts into a mapping of `FAILURES`."""
    match node:
        case ast.Assign(targets=[ast.Subscript(value=into)], value=value) if (
            _name(into) in FAILURES
        ):
            yield value
        case ast.AugAssign(target=into, value=ast.DictComp(value=value)) if _name(into) in FAILURES:
            yield value
