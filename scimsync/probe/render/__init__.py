"""Render a report for programs and for files.

To add a format, write a module with a function from a report to its pieces, and add one line to
`FORMATS`. Text for the terminal is written by the command.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from scimsync.probe.render.junit import junit_report
from scimsync.probe.render.probe_html import html_report
from scimsync.probe.render.probe_json import json_report
from scimsync.probe.render.probe_markdown import markdown_report
from scimsync.probe.values import ProbeReport
from scimsync.registry import Registry

Render = Callable[[ProbeReport], Iterator[str]]
"""Gives a report in pieces, which together are the whole file."""

FORMATS: Final[Registry[Render]] = Registry(
    "format of reports",
    {
        "markdown": markdown_report,
        "html": html_report,
        "junit": junit_report,
        "json": json_report,
    },
)
