"""A tokenizer for filters and paths (RFC 7644 figure 1), and the errors of both."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass


class GrammarError(ValueError):
    """A text that RFC 7644 does not allow; `position` counts characters from 1."""

    def __init__(self, text: str, position: int, problem: str) -> None:
        super().__init__(f"{text}: at character {position}: {problem}")
        self.text = text
        self.position = position
        self.problem = problem


class FilterError(GrammarError):
    """A filter that does not follow RFC 7644 section 3.4.2.2."""


class PathError(GrammarError):
    """An attribute path that does not follow RFC 7644 section 3.5.2 or does not fit its purpose."""


_TOKEN = re.compile(
    r"(?P<space>["
    r' \t]+)|(?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")|(?P<mark>[\[\]()])|(?P<word>[^\s\[\]()"]+)'
)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9$_-]*")  # RFC 7643 section 2.1, and `$ref`
_SCHEMA = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\[\]()\"]+")

Scalar = str | int | float | bool | None
"""The JSON values in filters."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token of `kind` string, mark, word, or end; `position` counts characters from 1."""

    kind: str
    text: str
    position: int

    def __str__(self) -> str:
        return "the end" if self.kind == "end" else f"'{self.text}'"


def tokenize(text: str, error: type[GrammarError]) -> list[Token]:
    """Return the tokens of `text` without whitespace; the last one has the kind end.

    Raise `error` for text that cannot be split into tokens.
    """
    tokens, position = [], 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            problem = (
                "an unterminated string"
                if text[position] == '"'
                else f"unexpected {text[position]!r}"
            )
            raise error(text, position + 1, problem)
        if found.lastgroup != "space":
            tokens.append(Token(str(found.lastgroup), found.group(), position + 1))
        position = found.end()
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


class Cursor:
    """A position in the tokens of a text; its errors name the position and what was expected."""

    def __init__(self, text: str, error: type[GrammarError]) -> None:
        self._text = text
        self._error = error
        self._tokens = tokenize(text, error)
        self._next = 0

    @property
    def token(self) -> Token:
        """The next token."""
        return self._tokens[self._next]

    def follows(self, *texts: str, ahead: int = 0) -> bool:
        """Return whether the next token is a word or mark in `texts`, which are in lower case.

        `ahead` is the number of tokens to skip.
        """
        index = min(self._next + ahead, len(self._tokens) - 1)
        token = self._tokens[index]
        return token.kind in ("word", "mark") and token.text.lower() in texts

    def advance(self) -> Token:
        """Consume and return the next token."""
        token = self.token
        self._next += token.kind != "end"
        return token

    def expect(self, text: str, what: str | None = None) -> Token:
        """Consume the mark `text`, or raise the error that `what` was expected."""
        if not self.follows(text):
            raise self.wrong(what or f"'{text}'")
        return self.advance()

    def wrong(self, expected: str, at: Token | None = None) -> GrammarError:
        """Return the error for a missing `expected`, here or at the token `at`."""
        token = at or self.token
        return self.problem(f"expected {expected}, found {token}", token)

    def problem(self, problem: str, at: Token | None = None) -> GrammarError:
        """Return the error `problem`, here or at the token `at`."""
        return self._error(self._text, (at or self.token).position, problem)

    def attribute(self) -> tuple[str | None, str, str | None]:
        """Consume `[URI ":"] ATTRNAME ["." ATTRNAME]`; return schema, name and sub-attribute."""
        if self.token.kind != "word":
            raise self.wrong("an attribute name")
        token = self.advance()
        schema, colon, names = token.text.rpartition(":")
        if colon and not _SCHEMA.fullmatch(schema):
            raise self.wrong(
                "a schema URI such as urn:ietf:params:scim:schemas:core:2.0:User before ':'", token
            )
        name, dot, sub = names.partition(".")
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise self.wrong("an attribute name", token)
        if dot and not _ATTRIBUTE_NAME.fullmatch(sub):
            raise self.wrong("one sub-attribute name after '.'", token)
        return schema or None, name, sub or None

    def sub_attribute(self) -> str | None:
        """Consume the `.sub` that may follow the closing bracket of a value path.

        Return None at the end of the text.
        """
        if self.token.kind == "end":
            return None
        token = self.advance()
        if not token.text.startswith(".") or not _ATTRIBUTE_NAME.fullmatch(token.text[1:]):
            raise self.wrong("'.' and a sub-attribute name, or the end", token)
        return token.text[1:]

    def literal(self) -> Scalar:
        """Consume a JSON string, number, `true`, `false` or `null`, and return its value."""
        token = self.advance()
        constants: dict[str, Scalar] = {"true": True, "false": False, "null": None}
        if token.kind == "word" and token.text in constants:
            return constants[token.text]
        if token.kind == "string" or (token.kind == "word" and _NUMBER.fullmatch(token.text)):
            return self._json(token)
        raise self.wrong('a value: "text" in double quotes, a number, true, false or null', token)

    def _json(self, token: Token) -> Scalar:
        try:
            value: Scalar = json.loads(token.text)
        except ValueError:
            raise self.wrong("a JSON string or number", token) from None
        if isinstance(value, float) and value in (float("inf"), float("-inf")):
            raise self.problem("a number too large", token)
        if isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise self.problem("a string that is not valid Unicode", token) from None
        return value
