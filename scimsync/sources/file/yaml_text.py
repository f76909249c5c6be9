"""Read YAML as data of JSON, by the rules of YAML 1.2 (chapter 10.3.2, the core schema).

PyYAML follows YAML 1.1, in which `NO` is false, `12:30:00` a number of seconds, and `2026-01-01` a
date. Here they stay text. A number is one only if it is written as JSON would write it: `007`,
`1_000`, `0x1F`, `1e3` and `1.10` stay text too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from scimsync.sources.file.located import JsonValue, Located, TextProblem

if TYPE_CHECKING:
    from yaml.nodes import MappingNode, Node, ScalarNode

_MOST_NESTED = 60
_FREE = 10_000_000
_TIMES = 20
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+")
_WORDS: Mapping[str, JsonValue] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAG = "tag:yaml.org,2002:"
_PLAIN = "plain"  # the tag of scalars without quotes and without a tag
_TEXTS = (f"{_TAG}str", f"{_TAG}timestamp", "!")


def is_installed() -> bool:
    """Return whether PyYAML is there."""
    return find_spec("yaml") is not None


def parse_yaml(text: str) -> Iterator[tuple[JsonValue, int]]:
    """Yield the documents of a text, each with its line.

    Raise TextProblem for text that is not YAML, a name that occurs twice in a mapping, an unknown
    tag, and text that grows beyond all measure by its aliases.
    """
    import yaml

    reader = _Reader(_FREE + _TIMES * len(text))
    loader = _loader()(text)
    try:
        while loader.check_node():
            node = loader.get_node()
            if node is not None:
                yield reader.value(node), node.start_mark.line + 1
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at_end = mark is not None and mark.line >= text.count("\n")
        line = None if mark is None else mark.line + 1
        words = [part for part in (error.context, error.problem) if part]
        cut = at_end and not text.endswith(("\n", "\r")) and "maximum" not in words[-1]
        raise TextProblem(line, f"not YAML: {', '.join(words)}", cut=cut) from None
    except yaml.YAMLError as error:  # characters that YAML does not allow, such as NUL
        position = getattr(error, "position", None)
        line = None if position is None else text[: int(position)].count("\n") + 1
        reason = getattr(error, "reason", None) or "it cannot be read"
        raise TextProblem(line, f"not YAML: {reason}") from None
    except RecursionError:
        raise TextProblem(None, "nested too deeply") from None
    finally:
        loader.dispose()


def _loader() -> Any:
    """Return PyYAML's parser, in C if it is there, that leaves the meaning of scalars to us."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def resolve(self, kind: type, _value: Any, implicit: Any) -> str:
            if kind is yaml.ScalarNode:
                return _PLAIN if implicit[0] else f"{_TAG}str"
            return f"{_TAG}seq" if kind is yaml.SequenceNode else f"{_TAG}map"

    return Loader


class _Reader:
    """Turns nodes into data, and counts the characters, because aliases multiply them."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._line = 1  # of the value at the top that is being read

    def value(self, node: Node, depth: int = 0) -> JsonValue:
        """Return the value of a node."""
        import yaml

        line = node.start_mark.line + 1
        if depth <= 1:
            self._line = line
        if depth > _MOST_NESTED:
            raise TextProblem(line, "nested too deeply, or an alias within its own anchor")
        if isinstance(node, yaml.ScalarNode):
            self._spend(len(node.value) + 8)
            return _scalar(node)
        self._spend(8)
        if isinstance(node, yaml.MappingNode):
            _check_tag(node, "map")
            return self._mapping(node, depth)
        _check_tag(node, "seq")
        return [self.value(item, depth + 1) for item in node.value]

    def _mapping(self, node: MappingNode, depth: int) -> Located:
        import yaml

        own: dict[str, JsonValue] = {}
        lines: dict[str, int] = {}
        merged: dict[str, JsonValue] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                raise TextProblem(line, "the name of a value must be a string")
            name = name_node.value
            if name in lines:
                raise TextProblem(line, f'"{name}" occurs twice, in lines {lines[name]} and {line}')
            lines[name] = line
            self._spend(len(name))
            if name == "<<" and name_node.tag == _PLAIN:  # https://yaml.org/type/merge.html
                for each in self._merged(value_node, depth + 1):
                    merged = {**each, **merged}
            else:
                own[name] = self.value(value_node, depth + 1)
        found = Located({**merged, **own})
        found.line = node.start_mark.line + 1
        return found

    def _merged(self, node: Node, depth: int) -> Iterator[Located]:
        value = self.value(node, depth)
        for each in value if isinstance(value, list) else [value]:
            if not isinstance(each, Located):
                line = node.start_mark.line + 1
                raise TextProblem(line, "<< must be followed by a mapping, or a list of them")
            yield each

    def _spend(self, characters: int) -> None:
        self._budget -= characters
        if self._budget < 0:
            raise TextProblem(self._line, "its aliases make it expand without limit")


def _scalar(node: ScalarNode) -> JsonValue:
    text: str = node.value
    tag = node.tag
    if tag == _PLAIN:
        return _plain(text)
    if tag in _TEXTS:
        return text
    name = tag.removeprefix(_TAG)
    if name in ("int", "float", "bool", "null"):
        return _plain(text)
    line = node.start_mark.line + 1
    shown = f"!!{name}" if name != tag else tag
    raise TextProblem(line, f"the tag {shown} is not supported")


def _plain(text: str) -> JsonValue:
    """Return what a scalar without quotes means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) and text != "-0":
        return int(text)
    if _DECIMAL.fullmatch(text) and repr(float(text)) == text:
        return float(text)
    return text


def _check_tag(node: Node, kind: str) -> None:
    if node.tag not in (f"{_TAG}{kind}", "!"):
        line = node.start_mark.line + 1
        name = node.tag.replace(_TAG, "!!")
        raise TextProblem(line, f"the tag {name} is not supported")
