"""The sync.toml that `scimsync init` drafts from a source that is not a file."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from scimsync.builtin import parse
from scimsync.cli.commands.init.new_config import ROWS_SAMPLED, NewConfig, source_name
from scimsync.cli.ui.set_options import Options
from scimsync.errors import ConfigError, coded
from scimsync.init import draft_sync_toml
from scimsync.model.did_you_mean import did_you_mean
from scimsync.run.compile import source_spec
from scimsync.scim.profiles import Profile
from scimsync.sources.kinds import SOURCES
from scimsync.sources.samples import sample_source
from scimsync.tomltext import toml_key, toml_value


def kind_and_options(location: str | None, kind: str | None) -> tuple[str, Options] | None:
    """Return the kind of source and the options that `location` and `--type` stand for.

    Return None for a file, and for the URL of a web service, because only a request shows its kind.
    Raise UsageError for a kind that does not exist, or that does not accept `location`.
    """
    if location is not None and _has_password(location):
        problem = "a password on the command line is shown to other users of this machine"
        hint = "leave it out, and add --set password=env:NAME"
        raise click.UsageError(coded(f"{problem}: {hint}", "SYNC-0915"))
    if kind is None:
        found = _recognize(location) if location is not None else None
        if (
            found is None
            and location is not None
            and "://" in location
            and not is_web_url(location)
        ):
            kinds = ", ".join(SOURCES)
            raise click.UsageError(
                coded(f"{location}: name the kind of source: --type {kinds}", "SYNC-0915")
            )
        return found
    if kind not in SOURCES:
        hint = did_you_mean(kind, SOURCES) or f"there are {', '.join(SOURCES)}"
        raise click.UsageError(coded(f"no type of source {kind!r}: {hint}", "SYNC-0915"))
    if location is None:
        return kind, {}
    options = SOURCES[kind].from_location(location)
    if options is None:
        fields = SOURCES[kind].model_fields
        options = {"path" if "path" in fields else "url": location}
    return kind, dict(options)


def _recognize(location: str) -> tuple[str, Options] | None:
    for kind, settings in SOURCES.items():
        options = settings.from_location(location)
        if options is not None:
            return kind, dict(options)
    return None


def is_web_url(location: str) -> bool:
    """Return whether a location is the URL of a web service."""
    return location.lower().startswith(("https://", "http://"))


def _has_password(location: str) -> bool:
    try:
        return bool(urlsplit(location).password)
    except ValueError:
        return False


def draft_from_source(
    kind: str, options: Options, out: Path, profile: Profile | None, note: str | None = None
) -> NewConfig:
    """Sample a source and draft a sync.toml for the path `out`, with a note about the source.

    Raise SourceUnavailable, SourceFormatError, ConfigError.
    """
    path = options.get("path")
    name = source_name(path) if isinstance(path, str) else str(options.get("preset", kind))
    origin = str(options.get("path", options.get("url", name)))
    settings = {"type": kind, **options}
    key = settings.pop("key", None)
    if isinstance(path, str) and not os.path.isabs(path):  # noqa: PTH117 - may be a glob
        settings["path"] = os.path.relpath(path, out.parent)
    found = sample_source(source_spec(parse(stub(name, settings, key), out), name), ROWS_SAMPLED)
    if not found.columns:
        raise ConfigError(f"{origin}: no columns found", code="SYNC-0910")
    columns = found.columns
    if isinstance(key, str):  # the key that the user names takes precedence
        columns = (key, *(column for column in columns if column != key))
    draft = draft_sync_toml(
        columns,
        found.rows,
        origin,
        name,
        profile=profile,
        options=settings,
        key=key if isinstance(key, str) else None,
        has_lists="lists" in SOURCES[kind].model_fields,
    )
    if note is not None:
        draft = replace(draft, reading=(note, *draft.reading))
    return NewConfig(out, origin, draft, parse(draft.text, out), found)


def stub(name: str, settings: Options, key: object) -> str:
    """Return a sync.toml with one source, whose key may not be known yet."""
    lines = [
        f"{toml_key(option)} = {toml_value(value)}"
        for option, value in {**settings, "key": key or "id"}.items()
    ]
    return "\n".join(
        [
            f"[sources.{toml_key(name)}]",
            *lines,
            "[targets.app]",
            'url = "https://app.example.com/scim/v2"',
            'auth = { type = "bearer", token = "env:SCIM_TOKEN" }',
            "[targets.app.user]",
            'userName = "id"',
        ]
    )
