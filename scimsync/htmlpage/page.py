"""Render a template as a self-contained HTML page, piece by piece."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from scimsync.formatting import printable

_PACKAGE = "scimsync.htmlpage"
_BUFFERED = 200
"""Parts of a template that are joined to one piece."""


def html_page(package: str, template: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the HTML page that `template`, a file of `package`, makes of `values`.

    Iterators among the values are read while the page is written, so that a page of any length
    takes little memory. Raise jinja2.UndefinedError for a name that `values` lacks.
    """
    stream = _environment(package).get_template(template).stream(values)
    stream.enable_buffering(_BUFFERED)
    yield from stream


@cache
def _environment(package: str) -> Environment:
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader(_PACKAGE, "")]),
        autoescape=True,
        finalize=_finalized,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files(_PACKAGE).joinpath("style.css").read_text("utf-8")
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment.globals |= {"style": Markup(style), "style_digest": digest}  # noqa: S704 - ours
    environment.filters["number"] = "{:,}".format
    return environment


def _finalized(value: object) -> object:
    """Return a value as it is printed; markup is the output of a macro, or the style sheet."""
    if value is None:
        return ""
    return value if isinstance(value, Markup) else printable(value)
