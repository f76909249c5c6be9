"""Parse the text of an expression with Jinja2, and point at errors in its syntax."""

from __future__ import annotations

import re

from jinja2 import TemplateSyntaxError, nodes
from jinja2.parser import Parser

from scimsync.desired.parsed_expression import ExpressionLocation
from scimsync.desired.sandbox import Sandbox
from scimsync.errors import ConfigError
from scimsync.formatting import one_line


def parse_syntax(text: str, location: ExpressionLocation, environment: Sandbox) -> nodes.Expr:
    """Return the syntax tree of `text`. Raise ConfigError."""
    if not text.strip():
        raise location.error(
            "the expression is empty",
            hint="if scimsync should not manage the attribute, omit its line",
            code="SYNC-0301",
        )
    if text.lstrip().startswith(("{{", "{%")):
        raise location.error(
            "an expression is written without {{ }}", details=[one_line(text)], code="SYNC-0301"
        )
    parser: Parser | None = None
    try:
        parser = Parser(environment, text, state="variable")
        node = parser.parse_expression()
    except TemplateSyntaxError as error:
        raise _syntax_error(text, location, environment, parser, error.message or "") from None
    except RecursionError:
        raise location.error("the expression is nested too deeply", code="SYNC-0301") from None
    if not parser.stream.eos:
        raise _syntax_error(text, location, environment, parser, "")
    return node


def _syntax_error(
    text: str,
    location: ExpressionLocation,
    environment: Sandbox,
    parser: Parser | None,
    message: str,
) -> ConfigError:
    hint = (
        "texts are in quotes: 'Ann'; a constant is written { value = \"…\" }"
        if re.search(r"\w\s+\w", text)
        else None
    )
    if match := re.fullmatch(r"unexpected char (.+) at (\d+)", message):
        found, at = match.group(1), int(match.group(2))
        quote = found in ("'\"'", '"\'"')
        return location.error(
            "a quote is not closed" if quote else f"unexpected {found}",
            details=_pointed(text, at),
            code="SYNC-0301",
        )
    offsets = _offsets(text, environment)
    if parser is None or offsets is None:
        return location.error(message, details=[one_line(text)], code="SYNC-0301")
    left = sum(1 for _ in parser.stream)
    if not left:
        return location.error(
            "the expression ends too early",
            details=_pointed(text, len(text.rstrip())),
            code="SYNC-0301",
        )
    at, token = offsets[len(offsets) - left]
    return location.error(
        f'unexpected "{token}"', details=_pointed(text, at), hint=hint, code="SYNC-0301"
    )


def _offsets(text: str, environment: Sandbox) -> list[tuple[int, str]] | None:
    """Return the offset and the text of each token; None if `text` is not made of tokens."""
    found, at = [], 0
    try:
        for _, kind, value in environment.lexer.tokeniter(text, None, None, "variable"):
            if kind != "whitespace":
                found.append((at, value.strip()))
            at += len(value)
    except TemplateSyntaxError:
        return None
    return found


def _pointed(text: str, at: int) -> list[str]:
    return [one_line(text)] if "\n" in text.strip() else [text, " " * at + "^"]
