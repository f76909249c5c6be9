"""A plan as an HTML page: everything that the text says, and no markup of others."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import pytest

from scimsync.model.changes import Change
from scimsync.model.ids import Kind
from scimsync.model.operations import Action
from scimsync.plan.render.html import MEMBERS_SHOWN, SHOWN_AT_MOST, html_plan
from scimsync.plan.shown_plan import ShownPlan
from tests.unit.plan.shown_plans import HOSTILE, hostile, night, operation, target

_VOID = {"meta"}


class _Page(HTMLParser):
    """Collects the text of a page, and fails for tags that are not balanced."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.words: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words += data.split()

    @property
    def text(self) -> str:
        return " ".join(self.words)


def page_of(plan: ShownPlan) -> str:
    return "".join(html_plan(plan, {"of": "sync.toml"}))


@pytest.mark.parametrize(
    "said",
    [
        "of sync.toml",
        "target adopt update deactivate delete add_members wiki 1 1 1 1 1 tickets",
        "hr line 4 1003 has 5 fields where the header has 9",
        "wiki: 1 adopt, 1 update, 1 deactivate, 1 delete, 1 add_members https://wiki.example.com",
        "- deactivate 00001 no longer in the source active true → false",
        '~ update 00002 why title "Nurse" → "Doctor" nickName "x" → removed',
        "account abc matches by userName only",
        'overwrites externalId "old" of another system',
        "+ add_members group admins why - 00001 + 00002",
        "x delete 00009 why",
        "tickets: no plan https://wiki.example.com It could not be planned no route to host",
    ],
)
def test_a_page_says_what_the_plan_says(said: str) -> None:
    assert said in _Page(page_of(night())).text


def test_the_guard_comes_first() -> None:
    (wiki,) = (target([operation(Action.UPDATE)]),)
    plan = ShownPlan((wiki, target([], "tickets")), ("guard.max_removals: 7 of 7",), ("wiki",))

    text = _Page(page_of(plan)).text

    assert (
        "A guard would abort this push. Nothing would be sent to wiki. guard.max_removals: 7 of 7"
        " target update"
    ) in text


def test_a_plan_without_changes_says_so() -> None:
    assert "No changes." in _Page(page_of(ShownPlan((target([]),)))).text


def test_hostile_values_are_text() -> None:
    page = page_of(hostile())

    parsed = _Page(page)
    assert parsed.tags.isdisjoint({"script", "a", "img", "iframe", "b"})
    assert not {name for name in parsed.attributes if name.startswith("on") or name == "style"}
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", page)
    escaped = HOSTILE.replace("\x1b", "\\x1b").replace("\u202e", "\\u202e")
    assert html.escape(escaped, quote=False).replace('"', "&#34;").replace("'", "&#39;") in page


def test_a_long_plan_shows_the_first_operations_and_counts_the_others() -> None:
    operations = [operation(Action.CREATE, f"{number:05}") for number in range(SHOWN_AT_MOST + 7)]

    text = _Page(page_of(ShownPlan((target(operations),)))).text

    assert f"{SHOWN_AT_MOST - 1:05} why … and 7 more; scimsync plan --json shows all" in text
    assert f"{SHOWN_AT_MOST:05}" not in text
    assert f"wiki {SHOWN_AT_MOST + 7:,}" in text


def test_of_many_members_the_first_are_listed() -> None:
    changes = tuple(Change("members", None, f"m{number}") for number in range(MEMBERS_SHOWN + 3))
    group = operation(Action.ADD_MEMBERS, "all", kind=Kind.GROUP, changes=changes)

    text = _Page(page_of(ShownPlan((target([group]),)))).text

    assert f"m{MEMBERS_SHOWN - 1} and 3 more" in text
    assert f"m{MEMBERS_SHOWN}" not in text
