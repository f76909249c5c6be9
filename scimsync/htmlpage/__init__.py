"""HTML pages of reports: one file that needs no network, no script, and no other file.

A report has a template in its own package, which extends `layout.html` and fills its blocks:

    {% extends "layout.html" %}
    {% import "parts.html" as parts %}
    {% block title %}scimsync plan{% endblock %}
    {% block facts %}<li>made 2026-11-24 08:00 UTC</li>{% endblock %}
    {% block content %}{{ parts.badge("create", "good") }} {{ key }}{% endblock %}

`html_page("scimsync.plan.render", "plan.html", values)` gives the page in pieces. Every value is
escaped, and characters that do not print are shown as escapes, so that text from sources and
targets can neither add markup nor reorder the text around it. `parts.html` has macros (`badge`,
`note`, `figure`, `more`), and `style.css` lists the classes. The Content-Security-Policy of a page
admits its one style sheet and nothing else: no `style` attributes, scripts, or pictures.

Loops over many rows belong in the template itself: a macro is rendered as a whole in memory.
"""

from scimsync.htmlpage.page import html_page

__all__ = ["html_page"]
