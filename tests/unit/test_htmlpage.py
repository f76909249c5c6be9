"""A page is one file, escapes every value, and admits its own style sheet alone."""

from __future__ import annotations

import hashlib
import re
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from jinja2 import UndefinedError

from scimsync.htmlpage import html_page

TEMPLATE = """\
{% extends "layout.html" %}
{% import "parts.html" as parts %}
{% block title %}About {{ name }}{% endblock %}
{% block content %}
{{ parts.badge(name, "good") }}
{{ parts.note(name, [name], "bad") }}
<ul class="figures">{{ parts.figure(12345, name) }}</ul>
{{ parts.more(12345, name) }}
<p title="{{ name }}">{% for one in many %}<i>{{ one }}</i>{% endfor %}</p>
{% endblock %}
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the name of a package with the template."""
    folder = tmp_path / "a_report"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "page.html").write_text(TEMPLATE)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "a_report"
    sys.modules.pop("a_report", ModuleType("a_report"))


def test_every_value_is_escaped(package: str) -> None:
    page = "".join(
        html_page(package, "page.html", {"name": "<b onclick='x'>\"\x1b\u202e", "many": []})
    )

    assert page.count("&lt;b onclick=&#39;x&#39;&gt;&#34;\\x1b\\u202e") == 8
    assert "<b onclick" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "<b>12,345</b>" in page
    assert "… and 12,345 more" in page


def test_the_policy_admits_the_style_sheet_of_the_page_and_nothing_else(package: str) -> None:
    page = "".join(html_page(package, "page.html", {"name": "Ann", "many": []}))

    (style,) = re.findall("<style>(.*?)</style>", page, re.S)
    digest = b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert (
        f"content=\"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none';"
        " form-action 'none'\""
    ) in page
    assert not re.search(r"url\(|@import|<script|<link|<img|style=|http:", page)


def test_a_long_page_is_written_while_its_rows_are_read(package: str) -> None:
    read = []

    def rows() -> Iterator[int]:
        for number in range(100_000):
            read.append(number)
            yield number

    page = html_page(package, "page.html", {"name": "Ann", "many": rows()})
    while len(read) < 5:
        next(page)

    assert len(read) < 1000
    assert sum(piece.count("<i>") for piece in page) > 99_000


def test_a_name_that_is_missing_is_an_error(package: str) -> None:
    with pytest.raises(UndefinedError):
        "".join(html_page(package, "page.html", {"many": []}))
