"""Parse the `query` of a source: one SELECT in which file names stand for tables."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scimsync.errors import SourceFormatError
from scimsync.sources.base import SourceSpec
from scimsync.sources.file.settings import FileSettings
from scimsync.sources.workspace import Workspace

_READERS = re.compile(r"read_|parquet_|glob$|sniff_|query|.*_scan$", re.IGNORECASE)
"""Table functions that open files themselves. They would convert text to other types, and scimsync
would not know which files were read."""


def parse(spec: SourceSpec[FileSettings], workspace: Workspace) -> tuple[str, list[str]]:
    """Return the SELECT of `query`, and the file names or globs in it, in the order of the text.

    Raise SourceFormatError for anything but one SELECT that names at least one file.
    """
    text = re.sub(r"[\s;]+\Z", "", spec.settings.query or "")
    nodes = list(_walk(_statement(text, spec.setting("query"), workspace)))
    _refuse_readers(nodes, spec.setting("query"))
    inner = {entry["key"] for node in nodes for entry in node.get("cte_map", {}).get("map", [])}
    tables = [
        str(node["table_name"])
        for node in nodes
        if node.get("type") == "BASE_TABLE" and not node.get("schema_name")
    ]
    files = [table for table in dict.fromkeys(tables) if table not in inner]
    if not files:
        raise SourceFormatError(
            f"{spec.setting('query')}: the query names no file",
            hint="select … from 'people.csv'",
            code="SYNC-0209",
        )
    return text, files


def _statement(text: str, where: str, workspace: Workspace) -> Any:
    """Return the syntax tree of the only statement of `text`."""
    found = workspace.connection.execute("select json_serialize_sql(?::varchar)", [text]).fetchone()
    tree: dict[str, Any] = json.loads(found[0]) if found else {"error": True}
    if tree["error"]:
        message = str(tree.get("error_message", "it cannot be read"))
        if "Only SELECT" in message:
            message = "only a SELECT can be a source"
        raise SourceFormatError(
            f"{where}: {message}", details=_excerpt(text, tree.get("position")), code="SYNC-0209"
        )
    if len(tree["statements"]) != 1:
        raise SourceFormatError(
            f"{where}: expected one SELECT, found {len(tree['statements'])} statements",
            code="SYNC-0209",
        )
    return tree["statements"][0]


def _refuse_readers(nodes: Iterable[Mapping[str, Any]], where: str) -> None:
    for node in nodes:
        if node.get("type") == "TABLE_FUNCTION":
            function = str(node["function"]["function_name"])
            if _READERS.match(function):
                raise SourceFormatError(
                    f"{where}: {function}(…) bypasses scimsync",
                    hint="name the file itself: select … from 'people.csv'",
                    code="SYNC-0209",
                )


def _walk(node: Any) -> Iterator[dict[str, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from _walk(child)


def _excerpt(text: str, position: object) -> list[str]:
    if not isinstance(position, str) or not position.isdigit():
        return []
    return [f"at: {text[int(position) :][:60]}"]
