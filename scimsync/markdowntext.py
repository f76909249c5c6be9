"""Write text that comes from sources and targets into GitHub-flavoured Markdown."""

from __future__ import annotations

import html

from scimsync.formatting import printable


def plain(text: str) -> str:
    """Return text with escaped markup, mentions, and table cells."""
    escaped = html.escape(printable(text), quote=False)
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|~@" else char for char in escaped)


def code(text: str) -> str:
    """Return text in <code> tags, where Markdown still reads backslashes, pipes and emphasis."""
    return f"<code>{plain(text)}</code>"
