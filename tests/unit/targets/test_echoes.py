"""What a target shows otherwise than it was sent."""

from __future__ import annotations

from typing import Any

import pytest

from scimsync.model.echoes import Echo
from scimsync.model.placeholders import SecretValue
from scimsync.targets.echo_comparison import agrees, echoes_after

WORK = 'emails[type eq "work"].value'


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Ada", "ADA"),
        ("Zoe\u0308", "Zo\u00eb"),
        (True, "True"),
        (5, "5"),
        ([1, 2], [2, 1]),
        ({"value": "a"}, {"value": "A", "display": "An A", "$ref": "/a"}),
        ({"value": "a", "type": "work"}, {"value": "a"}),
        ({"value": "a"}, "a"),
        ({"value": "a"}, [{"value": "b"}, {"value": "a"}]),
        ([{"value": "a"}], ["a"]),
    ],
)
def test_another_way_to_write_a_value_is_no_other_value(sent: Any, shown: Any) -> None:
    assert agrees(sent, shown)


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("Head of Research", "Head of"),
        (True, False),
        ({"value": "a"}, {"value": "b"}),
        ([{"value": "a"}], [{"value": "a"}, {"value": "admin"}]),
        ([{"value": "a"}, {"value": "b"}], [{"value": "a"}]),
        ("a", {"value": "a"}),
    ],
)
def test_another_value_is_told(sent: Any, shown: Any) -> None:
    assert not agrees(sent, shown)


def test_what_differs_is_kept_by_path() -> None:
    document = {"displayName": "Ada", "title": "Head", WORK: "a@example.com"}
    shown = {"displayName": "Ada L.", "emails": [{"type": "work", "value": "b@example.com"}]}

    assert echoes_after((), list(document), document, shown) == (
        Echo("displayName", "Ada", "Ada L."),
        Echo(WORK, "a@example.com", "b@example.com"),
    )


def test_what_was_not_sent_is_compared_only_if_it_was_told_before() -> None:
    document = {"displayName": "Ada", "title": "Head", "nickName": "A"}
    known = (Echo("title", "Head", "He"), Echo("nickName", "A", "B"))
    shown = {"displayName": "Eve", "title": "Head"}

    assert echoes_after(known, [], document, shown) == (Echo("nickName", "A", "B"),)


def test_an_answer_without_a_body_tells_nothing_of_what_was_sent_anew() -> None:
    known = (Echo("title", "Head", "He"), Echo("nickName", "A", "B"))

    assert echoes_after(known, ["title"], {"title": "Chief", "nickName": "A"}, None) == (known[1],)
    assert echoes_after(known, ["title"], {"nickName": "A"}, None) == (known[1],)


def test_no_secret_is_kept_and_no_long_text() -> None:
    document = {"password": SecretValue("digest"), "title": "x" * 5000}
    shown = {"password": "hunter2", "title": "y" * 5000}

    (echo,) = echoes_after((), list(document), document, shown)

    assert echo.path == "title"
    assert max(len(echo.sent), len(echo.shown)) == 200
