"""Read sync.toml into a `Config`, or raise one `ConfigError` that names all that is wrong."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scimsync.config.lookup_settings import TableFromSource, table_source
from scimsync.config.models import Config, SyncToml
from scimsync.config.registries import Registries
from scimsync.config.shared_mappings import extend
from scimsync.config.targets import Target
from scimsync.errors import ConfigError
from scimsync.model.did_you_mean import did_you_mean
from scimsync.model.lookup_tables import ReadTable
from scimsync.settings.validation_errors import InvalidSetting, config_error, invalid_settings

_POSITION = re.compile(
    r"(?P<what>.*) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end of document)\)", re.DOTALL
)
_TWICE = re.compile(r"Cannot declare \((?P<parts>.*)\) twice")
_PATH_WITHOUT_QUOTES = re.compile(r"\s*(urn:|[A-Za-z]\w*\[)")
_SECRET = re.compile(r"token|secret|passw|literal:", re.IGNORECASE)


def load(path: Path, registries: Registries) -> Config:
    """Return the configuration in the file `path`, which may refer to names in `registries`.

    Raise ConfigError, whatever is wrong with it.
    """
    return parse(_read(path), path, registries)


def parse(text: str, path: Path, registries: Registries) -> Config:
    """Return the configuration in `text`, as if it were the file `path`. Raise ConfigError."""
    extended = extend(_toml(text, path.name))
    if extended.wrong:
        raise config_error(path.name, extended.wrong)
    try:
        checked = SyncToml.model_validate(extended.document, context=registries)
    except ValidationError as error:
        wrong = extended.moved(invalid_settings(error, SyncToml))
    else:
        wrong = [
            each
            for name, target in checked.targets.items()
            for each in _unknown_sources(checked, name, target)
        ]
        wrong += [
            InvalidSetting(
                ("schedule", "targets", name),
                "no such target",
                code="SYNC-0118",
                hint=did_you_mean(name, checked.targets),
            )
            for name in checked.schedule.targets
            if name not in checked.targets
        ]
    if wrong:
        raise config_error(path.name, wrong)
    more = {
        "path": path.absolute(),
        "digest": hashlib.sha256(text.encode()).hexdigest(),
        "registries": registries,
        "places": extended.places,
    }
    more |= {"targets": _with_sources(checked), **_with_tables(checked)}
    return Config.model_construct(**dict(checked) | more)


def _with_tables(checked: SyncToml) -> dict[str, Any]:
    """Return the sources with those of tables that are read, and the tables."""
    tables: Mapping[str, object] = checked.tables
    read = {name: table for name, table in tables.items() if isinstance(table, TableFromSource)}
    settings = {table_source(name): table.settings for name, table in read.items()}
    return {
        "sources": {**checked.sources, **settings},
        "tables": {**tables, **{name: ReadTable(table_source(name)) for name in read}},
        "table_values": {table_source(name): table.value for name, table in read.items()},
    }


def _with_sources(checked: SyncToml) -> dict[str, Target]:
    """Return the targets, each with its sources."""
    return {
        name: target
        if target.source
        else target.model_copy(update={"source": _user_sources(checked, target)})
        for name, target in checked.targets.items()
    }


def _user_sources(checked: SyncToml, target: Target) -> tuple[str, ...]:
    """Return the sources from which a target that names none may take its users.

    These are the sources that are not those of its groups.
    """
    of_groups = {group.source for group in target.groups.values()}
    return tuple(source for source in checked.sources if source not in of_groups) or tuple(
        checked.sources
    )


def _unknown_sources(checked: SyncToml, name: str, target: Target) -> list[InvalidSetting]:
    known = ", ".join(checked.sources)
    choice = _user_sources(checked, target)
    if not target.source and len(choice) > 1:
        message = f"source is missing; there are {len(choice)} to choose from"
        return [
            InvalidSetting(
                ("targets", name),
                message,
                code="SYNC-0119",
                found=f"found: {known}",
                hint=f'write source = "{choice[0]}"',
            )
        ]
    named: list[tuple[tuple[str, ...], str]] = [
        (("targets", name, "source"), source) for source in target.source
    ]
    named += [
        (("targets", name, "groups", key, "source"), one.source)
        for key, one in target.groups.items()
        if one.source
    ]
    return [
        InvalidSetting(
            place,
            f'no source "{source}"',
            code="SYNC-0119",
            found=f"found: {known}",
            hint=did_you_mean(source, checked.sources),
        )
        for place, source in named
        if source not in checked.sources
    ]


def _read(path: Path) -> str:
    name = path.name or str(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError(
            f"{name}: no such file",
            details=[f"looked in {path.absolute().parent}"],
            hint="scimsync init hr.csv writes one",
            code="SYNC-0102",
        ) from None
    except IsADirectoryError:
        raise ConfigError(
            f"{name}: is a folder, not a file",
            hint=f"write -c {path / 'sync.toml'}",
            code="SYNC-0103",
        ) from None
    except PermissionError:
        raise ConfigError(
            f"{name}: may not be read by this user",
            details=[f"in {path.absolute().parent}"],
            code="SYNC-0103",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{name}: cannot be read: {error.strerror or type(error).__name__}", code="SYNC-0103"
        ) from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        byte = content[error.start]
        raise ConfigError(
            f"{name}:{line}: not UTF-8 (byte 0x{byte:02X})",
            hint="save the file as UTF-8",
            code="SYNC-0104",
        ) from None


def _toml(text: str, name: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax_error(str(error), text.replace("\r\n", "\n"), name) from None
    except (RecursionError, ValueError):
        # tables nested a thousand deep, numbers of thousands of digits: the place is not known
        raise ConfigError(
            f"{name}: this is not readable TOML",
            hint="a value is far too long or too deeply nested",
            code="SYNC-0105",
        ) from None


def _syntax_error(message: str, text: str, name: str) -> ConfigError:
    """Return tomllib's message with the line, unless it may contain a secret, and the column."""
    found = _POSITION.fullmatch(message)
    what = _plain(found["what"] if found else message)
    lines = text.split("\n")
    if found is None or found["line"] is None:
        last = len(text.rstrip().split("\n"))
        return ConfigError(
            f"{name}:{last}: {what}",
            hint="the file ends too early: look for a bracket or quote left open",
            code="SYNC-0105",
        )
    number, column = int(found["line"]), int(found["column"])
    line = lines[number - 1] if number <= len(lines) else ""
    details = _excerpt(number, column, line)
    hint = None
    if _PATH_WITHOUT_QUOTES.match(line):
        hint = 'a path with : or [ must be in quotes: \'emails[type eq "work"].value\' = "email"'
    return ConfigError(
        f"{name}:{number}:{column}: {what}", details=details, hint=hint, code="SYNC-0105"
    )


def _excerpt(number: int, column: int, line: str) -> list[str]:
    if not line.strip():
        return []
    if _SECRET.search(line):
        return [f"{number} | (not shown: this line may contain a secret)"]
    start = max(0, column - 50)
    shown = "".join(char if char.isprintable() else " " for char in line[start : start + 70])
    margin = f"{number} | "
    return [f"{margin}{shown.rstrip()}", f"{' ' * len(margin)}{' ' * (column - 1 - start)}^"]


def _plain(what: str) -> str:
    """Return a message of tomllib in plain words."""
    twice = _TWICE.fullmatch(what)
    if twice is not None:
        names = re.findall(r"'([^']*)'", twice["parts"])
        return f"the table [{'.'.join(names)}] is defined a second time here"
    if what == "Cannot overwrite a value":
        return "this key is defined a second time here"
    return what[:1].lower() + what[1:]
