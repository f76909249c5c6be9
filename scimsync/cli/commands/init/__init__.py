"""`scimsync init`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from scimsync.cli.commands.init.new_config import (
    ROWS_SAMPLED,
    NewConfig,
    draft_from_file,
    known_profile,
    only_file,
)
from scimsync.cli.commands.init.other_source import (
    draft_from_source,
    is_web_url,
    kind_and_options,
)
from scimsync.cli.ui.combinations import not_with
from scimsync.cli.ui.common_options import DEFAULT_CONFIG, CommonOptions, common_options_without
from scimsync.cli.ui.output import Output, Part, write_json
from scimsync.cli.ui.output_file import OutputFile
from scimsync.cli.ui.private_output import check_output, unwritable
from scimsync.cli.ui.set_options import with_settings
from scimsync.desired.syntax import column_expression
from scimsync.errors import ConfigError
from scimsync.formatting import plural, printable
from scimsync.plan.document_diff import short_path
from scimsync.sources import SourceSettings


@click.command()
@click.argument("location", metavar="[FILE|URL]", required=False)
@click.option(
    "--out",
    type=OutputFile("such as --out sync.toml"),
    help="Write to this file. (default: the file of -c, or sync.toml)",
)
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
@click.option(
    "--profile",
    "profile_name",
    metavar="NAME",
    help="Write a target for this product. (scimsync profiles lists them)",
)
@click.option(
    "--type",
    "kind",
    metavar="KIND",
    help="Kind of source: sql, ldap, scim, http, … (default: by the URL or the file)",
)
@click.option(
    "--set",
    "settings",
    metavar="OPTION=VALUE",
    multiple=True,
    help="Set an option of the source, such as base=dc=example,dc=com or auth.token=env:TOKEN.",
)
@not_with("--out", "--config")
@common_options_without("targets", "keys")
def command(
    options: CommonOptions,
    location: str | None,
    out: Path | None,
    force: bool,
    profile_name: str | None,
    kind: str | None,
    settings: tuple[str, ...],
) -> None:
    """Write a first sync.toml from the columns of a source and a sample of its records.

    FILE is CSV, TSV, JSON, NDJSON, Parquet, Excel, YAML or TOML, or one of these packed as .gz or
    .zip; without it, use the only such file of this folder. A URL is that of a database, a
    directory or a web service; without --type, a request shows whether a web service returns SCIM,
    JSON or CSV. Nothing else is written, and nothing is sent to an application.
    """
    profile = None if profile_name is None else known_profile(profile_name)
    path = out or options.config
    _check_free(path, overwrite=force)
    source, note = kind_and_options(location, kind), None
    if source is None and location is not None and is_web_url(location):
        from scimsync.cli.commands.init.web_url import source_at  # asks over HTTP

        found = source_at(
            location, with_settings({}, settings, "SYNC-0915", "auth.type=bearer"), path
        )
        source, note = (found.kind, found.options), found.note
    if source is None and settings:
        source = "file", {"path": location} if location else {}
    if source is None:
        new = draft_from_file(location or only_file(Path(), path), path, profile)
    else:
        options_of_source = with_settings(source[1], settings, "SYNC-0915", "page_size=500")
        new = draft_from_source(source[0], options_of_source, path, profile, note)
    _write(new, overwrite=force)
    if options.as_json:
        write_json(_document(new))
    elif not options.quiet:
        _print_draft(Output(), new)


def _check_free(path: Path, *, overwrite: bool) -> None:
    """Raise ConfigError if a file cannot be written, or if it exists, unless `overwrite`."""
    check_output(path, None)
    if path.is_file() and not overwrite:
        raise _exists(path)


def _exists(path: Path) -> ConfigError:
    return ConfigError(
        f"{path}: the file exists and was not changed",
        hint="add --force to overwrite it, or --out FILE to write to another file",
        code="SYNC-0905",
    )


def _write(new: NewConfig, *, overwrite: bool) -> None:
    """Write the file. Raise ConfigError where there is one already, unless `overwrite`."""
    try:
        with new.path.open("w" if overwrite else "x", encoding="utf-8") as stream:
            stream.write(new.draft.text)
    except FileExistsError:
        raise _exists(new.path) from None
    except OSError as error:
        raise unwritable(new.path, error) from None


def _document(new: NewConfig) -> dict[str, Any]:
    source = new.source
    return {
        "config": str(new.path),
        "source": _source_document(source),
        "columns": list(new.sample.columns),
        "rows_looked_at": len(new.sample.rows),
        "scope": new.target.scope,
        "user": new.mapped,
        "unused": new.unused,
        "notes": list(new.draft.notes),
    }


def _source_document(source: SourceSettings) -> dict[str, Any]:
    if source.type == "file":
        options = source.model_dump(include={"path", "query", "key", "lists", "encoding"})
        return {name: value for name, value in options.items() if name != "query" or value}
    return source.model_dump(exclude_none=True)


def _print_draft(output: Output, new: NewConfig) -> None:
    source = new.source
    number = len(new.sample.rows)
    word = "row" if source.type == "file" else "record"
    seen = f"the first {number:,} {word}s" if number == ROWS_SAMPLED else plural(number, word)
    output.line(
        "wrote ",
        (printable(new.path), "bold"),
        f" from {printable(new.origin)} (sampled {seen})",
    )
    output.blank()
    table = [("key", source.key), ("scope", new.target.scope or "everyone")]
    table += [
        ("out of scope", f"{column_expression(column)} {', '.join(values)}")
        for column, values in new.draft.findings.scope.left_out.items()
    ]
    shown = _source_document(source)
    if shown.get("encoding"):
        table.append(("encoding", shown["encoding"]))
    if shown.get("lists"):
        table.append(("lists", ", ".join(shown["lists"])))
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
    target = text[text.rindex("\n[targets.app]\n") :]
    secret = re.search(r'^[^#\n]*"(env|file):([^"]+)"', target, re.MULTILINE)
    where, place = ("env", "SCIM_TOKEN") if secret is None else secret.groups()
    kind = "token" if place == "SCIM_TOKEN" else "secret"
    provide = (f"export {place}=…", f"set the {kind} of the application")
    if where == "file":
        kind = "key"
        provide = (f"chmod 600 {shlex.quote(place)}", "protect the file with the private key")
    output.blank()
    output.line(("Next steps", "bold"))
    name = shlex.quote(printable(path))
    option = "" if path == DEFAULT_CONFIG else f" -c {name}"
    steps = [
        (f"edit {name}", "review it, and set the URL of your application"),
        (f"scimsync plan --offline{option}", f"preview the accounts; needs no {kind}"),
        provide,
        (f"scimsync check{option}", f"test the {kind} and the attributes"),
        (f"scimsync adoption{option}", "see which accounts exist already, if there are any"),
        (f"scimsync push{option}", "apply the plan"),
    ]
    output.rows([[f"{number}. {step}", what] for number, (step, what) in enumerate(steps, 1)])
