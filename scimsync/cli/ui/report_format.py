"""The format of what a command prints or writes."""

from __future__ import annotations

from pathlib import Path

import click

from scimsync.cli.ui.combinations import refuse
from scimsync.cli.ui.common_options import CommonOptions
from scimsync.errors import coded

TEXT = "text"

EXTENSIONS = {
    ".csv": "csv",
    ".htm": "html",
    ".html": "html",
    ".json": "json",
    ".md": "markdown",
    ".txt": TEXT,
    ".xml": "junit",
}


def report_format(
    options: CommonOptions, form: str | None, out: Path | None, formats: tuple[str, ...]
) -> str:
    """Return the format of a report: that of `--json` or `--format`, or else of the file `out`.

    A file without an extension is text, as stdout is. Raise UsageError for `--json` with another
    format, and for an extension that stands for none of `formats`.
    """
    if options.as_json and form not in (None, "json"):
        refuse(f"--json cannot be used with --format {form}")
    chosen = "json" if options.as_json else form
    if chosen is not None or out is None or not out.suffix:
        return chosen or TEXT
    meant = EXTENSIONS.get(out.suffix.lower())
    if meant in formats:
        return str(meant)
    known = ", ".join(extension for extension, name in EXTENSIONS.items() if name in formats)
    problem = f"--out {out}: unknown extension; use one of {known}, or add --format"
    raise click.UsageError(coded(problem, "SYNC-0921"), click.get_current_context())
