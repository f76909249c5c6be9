"""The sync.toml that `scimsync init` drafts from a file."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import click

from scimsync.builtin import parse
from scimsync.cli.ui.common_options import DEFAULT_CONFIG
from scimsync.config.models import Config
from scimsync.config.targets import Target
from scimsync.desired.syntax import column_expression
from scimsync.errors import ConfigError, coded
from scimsync.init import Draft, draft_sync_toml
from scimsync.init.headerless import names_without_header
from scimsync.model.did_you_mean import did_you_mean
from scimsync.model.mappings import Expression, Generate
from scimsync.run.compile_mappings import compile_users
from scimsync.scim.profiles import PROFILES, Profile
from scimsync.sources import SourceSettings
from scimsync.sources.file.find import is_source
from scimsync.sources.file.sample import sample
from scimsync.sources.samples import Sample

ROWS_SAMPLED = 2000
"""How many records are sampled."""


@dataclass(frozen=True, slots=True)
class NewConfig:
    """A sync.toml to be written to `path`, and the configuration that it holds.

    `origin` is the sampled file, or the URL or kind of another source, as the user called it.
    """

    path: Path
    origin: str
    draft: Draft
    config: Config
    sample: Sample

    @property
    def source(self) -> SourceSettings:
        """The only source."""
        return next(iter(self.config.sources.values()))

    @property
    def target(self) -> Target:
        """The only target."""
        return next(iter(self.config.targets.values()))

    @property
    def mapped(self) -> dict[str, str]:
        """SCIM path -> expression or constant, as written."""
        return {
            path: entry.text if isinstance(entry, Expression) else str(entry.value).lower()
            for path, entry in self.target.user.items()
            if not isinstance(entry, Generate)
        }

    @property
    def unused(self) -> list[str]:
        """The columns that no expression uses."""
        used = {
            *compile_users(self.config, next(iter(self.config.targets))).columns,
            self.source.key,
        }
        return [
            column_expression(name)
            for name in dict.fromkeys(self.sample.columns)
            if name not in used
        ]


def only_file(folder: Path, config: Path) -> str:
    """Return the one file of `folder` that could be a source; `config` is a configuration.

    Raise UsageError where there is none, or more than one.
    """
    others = {config.absolute(), (folder / DEFAULT_CONFIG).absolute()}
    found = sorted(
        path.name
        for path in folder.iterdir()
        if is_source(path) and path.is_file() and path.absolute() not in others
    )
    if len(found) != 1:
        seen = (
            f"found {', '.join(found[:5])}{', …' if len(found) > 5 else ''}"
            if found
            else "found none in this folder"
        )
        problem = f"name the file: scimsync init FILE ({seen})"
        raise click.UsageError(coded(problem, "SYNC-0904"))
    return found[0]


def known_profile(name: str) -> Profile:
    if name not in PROFILES:
        hint = did_you_mean(name, PROFILES) or f"search with scimsync profiles {shlex.quote(name)}"
        raise click.UsageError(coded(f"no profile {name!r}: {hint}", "SYNC-0914"))
    return PROFILES[name]()


def source_name(file: str) -> str:
    """Return a name for the source that a file or glob is."""
    return Path(file).name.partition(".")[0].strip("*?-_ ") or "people"


def draft_from_file(file: str, out: Path, profile: Profile | None) -> NewConfig:
    """Sample the file (or glob) `file` and draft a sync.toml for the path `out`.

    Raise SourceUnavailable, SourceFormatError, ConfigError.
    """
    stem = source_name(file)
    found = sample(file, ROWS_SAMPLED)
    headers = names_without_header(found.header)
    if headers is not None:
        found = sample(file, ROWS_SAMPLED, headers)
    if not found.columns:
        raise ConfigError(
            f"{file}: no columns found",
            hint="the first row has to name them",
            code="SYNC-0910",
        )
    relative = os.path.relpath(file, out.parent) if not os.path.isabs(file) else file  # noqa: PTH117 - may be a glob
    draft = draft_sync_toml(
        found.columns,
        found.rows,
        relative,
        stem,
        found.encoding,
        profile,
        headers=headers,
        rejected=found.rejected,
    )
    return NewConfig(out, file, draft, parse(draft.text, out), found)
