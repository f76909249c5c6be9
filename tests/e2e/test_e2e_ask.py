"""`push --ask` shows the plan, and applies exactly that one after a yes."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.office import Office, Ran, people, person
from tests.servers.faulty import FaultyServer

QUESTION = "Apply this plan? [y/N]"


class Terminal(io.StringIO):
    """A terminal at which somebody types an answer, after something else has happened."""

    def __init__(self, answer: str, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__(answer)
        self._meanwhile = meanwhile

    def isatty(self) -> bool:
        return True

    def readline(self, size: int | None = -1, /) -> str:  # type: ignore[override]
        self._meanwhile()
        return super().readline(-1 if size is None else size)


@contextmanager
def at(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with terminal, monkeypatch.context() as patched:
        patched.setattr(sys, "stdin", terminal)
        yield


@pytest.fixture
def office_with_changes(office: Office, faulty: FaultyServer) -> Office:
    office.hire(people(20))
    office.push()
    office.hire([person(1, dept="Sales"), *people(20)[1:], person(21)])
    faulty.forget()
    return office


@pytest.mark.parametrize(("answer", "code", "sent"), [("y\n", 0, 2), ("n\n", 1, 0), ("", 1, 0)])
def test_a_plan_is_applied_after_a_yes(
    office_with_changes: Office,
    faulty: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
    sent: int,
) -> None:
    with at(Terminal(answer), monkeypatch):
        ran = office_with_changes.run("push", "--ask")

    assert ran.code == code
    assert "Plan for wiki: 1 create, 1 update" in ran.out
    assert QUESTION in ran.err
    assert len(faulty.written()) == sent


def test_nothing_is_sent_if_the_plan_changes_before_the_answer(
    office_with_changes: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = office_with_changes
    moved = [person(1, dept="Law"), *people(20)[1:], person(21)]
    with at(Terminal("y\n", lambda: office.hire(moved)), monkeypatch):
        ran = office.run("push", "--ask")

    assert ran.code == 3
    assert "the plan shown is out of date" in ran.err
    assert "plan again: scimsync push --ask" in ran.err
    assert faulty.written() == []


def test_nothing_is_asked_where_nothing_changes(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.hire(people(3))
    office.push()
    with at(Terminal("n\n"), monkeypatch):
        ran = office.run("push", "--ask")

    assert ran.code == 0
    assert "Plan for wiki: no changes" in ran.out
    assert QUESTION not in ran.err


def test_nothing_is_asked_where_a_guard_would_stop_the_push(
    office: Office, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.hire(people(20))
    office.push()
    office.hire([person(number, email=f"x{number}@example.com") for number in range(1, 21)])
    faulty.forget()

    with at(Terminal("y\n"), monkeypatch):
        ran = office.run("push", "--ask")
        lifted = office.run("push", "--ask", "--allow-updates", "100%")

    assert ran.code == 3
    assert QUESTION not in ran.err
    assert QUESTION in lifted.err
    assert lifted.code == 0


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "stdin is not a terminal"),
        (("--json",), "--json prints one document"),
        (("tonight.plan",), "the plan in the file is already made"),
    ],
)
def test_a_question_needs_a_terminal_and_a_new_plan(
    office: Office, arguments: tuple[str, ...], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.hire(people(3))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    ran: Ran = office.run("push", "--ask", *arguments)

    assert ran.code == 2
    assert why in (ran.out if "--json" in arguments else ran.err)
    assert office.run("status").out.count("never pushed") == 1
