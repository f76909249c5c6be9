"""The option `--set OPTION=VALUE` of commands that work without a sync.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import click

from scimsync.errors import coded

Options = dict[str, Any]


def with_settings(options: Options, settings: Sequence[str], code: str, example: str) -> Options:
    """Return `options` with those of `--set OPTION=VALUE`.

    An option such as `auth.token` is one of a table. A value is TOML, or else text. Raise a
    UsageError with `code`, which shows `example`.
    """
    merged = dict(options)
    for setting in settings:
        name, sign, text = setting.partition("=")
        if not sign or not name.strip():
            problem = f"--set {setting}: write OPTION=VALUE, such as --set {example}"
            raise click.UsageError(coded(problem, code))
        table: Options = merged
        *above, last = name.strip().split(".")
        for part in above:
            table[part] = dict(table[part]) if isinstance(table.get(part), Mapping) else {}
            table = table[part]
        table[last] = _value(text.strip())
    return merged


def _value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, KeyError):
        return text
