"""What messages advise: nothing that takes access away, or makes logs name users."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

import scimsync

PACKAGE = Path(scimsync.__file__).parent
MESSAGES = tomllib.loads((PACKAGE / "messages.toml").read_text("utf-8"))
FORBIDDEN = re.compile(r"scimsync (forget|deprovision)\b|--personal\b|personal = true")


def texts(node: ast.AST) -> Iterator[str]:
    """The text constants in an expression, also those inside f-strings."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


@cache
def hints() -> Sequence[tuple[str, str]]:
    """Module and text of what is passed as a hint anywhere in the program."""
    return list(_hints())


def _hints() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and node.arg in ("hint", "todo", "advice"):
                yield path.name, " ".join(texts(node.value))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Violation":
                yield path.name, " ".join(text for arg in node.args for text in texts(arg))


def test_the_hints_of_the_program_are_found() -> None:
    found = dict(hints())
    assert len(hints()) > 100
    assert "--allow-new-url" in found["guard.py"] + " ".join(text for _, text in hints())


def test_no_hint_takes_access_away_or_names_people() -> None:
    assert [(name, text) for name, text in hints() if FORBIDDEN.search(text)] == []


@pytest.mark.parametrize("code", [code for code in MESSAGES if code.startswith("SYNC-")])
def test_no_page_of_a_message_advises_it(code: str) -> None:
    message = MESSAGES[code]
    assert not FORBIDDEN.search(message.get("action", ""))


@pytest.mark.parametrize(
    ("text", "forbidden"),
    [
        ("scimsync forget 1", True),
        ("scimsync deprovision 1", True),
        ("push --personal", True),
        ("scimsync rekey 1 2", False),
        ("scimsync plan", False),
        ("scimsync push --allow-removals 3", False),
        ("scimsync status lists deprovisioned keys", False),
    ],
)
def test_what_may_not_be_advised(text: str, forbidden: bool) -> None:
    assert bool(FORBIDDEN.search(text)) is forbidden
