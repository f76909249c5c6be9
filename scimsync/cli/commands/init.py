"""`scimsync init`."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from scimsync.builtin import parse
from scimsync.cli.ui.common_options import DEFAULT_CONFIG, CommonOptions, common_options_without
from scimsync.cli.ui.output import Output, Part, write_json
from scimsync.config.models import Config
from scimsync.config.targets import Target
from scimsync.desired.syntax import column_expression
from scimsync.errors import ConfigError, coded
from scimsync.formatting import plural, printable
from scimsync.init import Draft, draft_sync_toml
from scimsync.init.headerless import names_without_header
from scimsync.model.mappings import Expression, Generate
from scimsync.model.suggestions import did_you_mean
from scimsync.plan.diff import short_path
from scimsync.run.compile_mappings import compile_users
from scimsync.scim.profiles import PROFILES, Profile
from scimsync.sources.file import FileSettings
from scimsync.sources.file.find import FORMATS
from scimsync.sources.file.sample import Sample, sample

_ROWS = 2000
"""How many rows are sampled."""


@click.command()
@click.argument("file", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write to this file. (default: the file of -c, or sync.toml)",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option(
    "--profile",
    "profile_name",
    metavar="NAME",
    help="Write a target for this product. (scimsync profiles lists them)",
)
@common_options_without("targets", "keys")
def command(
    options: CommonOptions,
    file: str | None,
    out: Path | None,
    force: bool,
    profile_name: str | None,
) -> None:
    """Write a first sync.toml from the columns of FILE and a sample of its rows.

    FILE is CSV, TSV, JSON, NDJSON or Parquet. Without FILE, use the only such file of this folder.
    Nothing else is written, and nothing is sent.
    """
    profile = None if profile_name is None else _profile(profile_name)
    new = _draft(file or _only_file(Path()), out or options.config, profile)
    _write(new, overwrite=force)
    if options.as_json:
        write_json(_document(new))
    elif not options.quiet:
        _print_draft(Output(), new)


@dataclass(frozen=True, slots=True)
class NewConfig:
    """A sync.toml to be written to `path`, and the configuration that it holds.

    `file` is the sampled file as the user called it.
    """

    path: Path
    file: str
    draft: Draft
    config: Config
    sample: Sample

    @property
    def source(self) -> FileSettings:
        """The only source."""
        return cast(FileSettings, next(iter(self.config.sources.values())))

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


def _only_file(folder: Path) -> str:
    """Return the one file of `folder` that could be a source.

    Raise UsageError where there is none, or more than one.
    """
    found = sorted(
        path.name for path in folder.iterdir() if path.suffix.lower() in FORMATS and path.is_file()
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


def _profile(name: str) -> Profile:
    if name not in PROFILES:
        hint = did_you_mean(name, PROFILES) or f"search with scimsync profiles {shlex.quote(name)}"
        raise click.UsageError(coded(f"no profile {name!r}: {hint}", "SYNC-0914"))
    return PROFILES[name]()


def _draft(file: str, out: Path, profile: Profile | None) -> NewConfig:
    """Sample the file (or glob) `file` and draft a sync.toml for the path `out`.

    Raise SourceUnavailable, SourceFormatError, ConfigError.
    """
    stem = Path(file).name.partition(".")[0].strip("*?-_ ") or "people"
    found = sample(file, _ROWS)
    headers = names_without_header(found.header)
    if headers is not None:
        found = sample(file, _ROWS, headers)
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


def _write(new: NewConfig, *, overwrite: bool) -> None:
    """Write the file. Raise ConfigError where there is one already, unless `overwrite`."""
    try:
        with new.path.open("w" if overwrite else "x", encoding="utf-8") as stream:
            stream.write(new.draft.text)
    except FileExistsError:
        raise ConfigError(
            f"{new.path}: the file exists and was not changed",
            hint="--force overwrites it; --out FILE writes to another file",
            code="SYNC-0905",
        ) from None
    except OSError as error:
        raise ConfigError(
            f"{new.path}: cannot be written: {error.strerror}", code="SYNC-0907"
        ) from None


def _document(new: NewConfig) -> dict[str, Any]:
    source = new.source
    return {
        "config": str(new.path),
        "source": {
            "path": source.path,
            "key": source.key,
            "lists": dict(source.lists),
            "encoding": source.encoding,
        },
        "columns": list(new.sample.columns),
        "rows_looked_at": len(new.sample.rows),
        "scope": new.target.scope,
        "user": new.mapped,
        "unused": new.unused,
        "notes": list(new.draft.notes),
    }


def _print_draft(output: Output, new: NewConfig) -> None:
    source = new.source
    number = len(new.sample.rows)
    seen = f"the first {number:,} rows" if number == _ROWS else plural(number, "row")
    output.line(
        "wrote ",
        (printable(new.path), "bold"),
        f" from {printable(new.file)} (sampled {seen})",
    )
    output.blank()
    table = [("key", source.key), ("scope", new.target.scope or "everyone in the file")]
    table += [
        ("out of scope", f"{column_expression(column)} {', '.join(values)}")
        for column, values in new.draft.findings.scope.left_out.items()
    ]
    if source.encoding:
        table.append(("encoding", source.encoding))
    if source.lists:
        table.append(("lists", ", ".join(source.lists)))
    table += [(short_path(path), value) for path, value in new.mapped.items()]
    if names := new.unused:
        table.append(("not used", ", ".join(names)))
    rows: list[list[Part]] = [[(printable(name), "dim"), printable(value)] for name, value in table]
    output.rows(rows)
    _print_notes(output, new.draft.notes)
    _print_next_steps(output, new.path, new.draft.text)


def _print_notes(output: Output, notes: Sequence[str]) -> None:
    if not notes:
        return
    output.blank()
    output.line(("Check before the first push", "bold"))
    for note in notes:
        sentences, *expressions = map(printable, note.split("\n"))
        output.line(f"- {sentences}", indent=2)
        for expression in expressions:
            output.line(expression, indent=4)


def _print_next_steps(output: Output, path: Path, text: str) -> None:
    """Print what to do with the configuration `text`, which was written to `path`."""
    secret = re.search(r'^auth = .*"env:(\w+)"', text, re.MULTILINE)
    variable = "SCIM_TOKEN" if secret is None else secret[1]
    kind = "token" if variable == "SCIM_TOKEN" else "secret"
    output.blank()
    output.line(("Next steps", "bold"))
    name = shlex.quote(printable(path))
    option = "" if path == DEFAULT_CONFIG else f" -c {name}"
    steps = [
        (f"edit {name}", "review it, and set the URL of your application"),
        (f"scimsync plan --offline{option}", f"preview the accounts; needs no {kind}"),
        (f"export {variable}=…", f"set the {kind} of the application"),
        (f"scimsync check{option}", f"test the {kind} and the attributes"),
        (f"scimsync push{option}", "apply the plan"),
    ]
    output.rows([[f"{number}. {step}", what] for number, (step, what) in enumerate(steps, 1)])
