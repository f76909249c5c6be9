"""A saved plan is shown as it was shown when it was made, and two plans are compared."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.office import Office, people, person
from tests.servers.faulty import FaultyServer


@pytest.fixture
def saved(office: Office) -> Office:
    """Return an office with two saved plans: in old.plan one leaves, one moves to Sales, one comes;
    in new.plan nobody leaves, and the one moves to Law."""
    office.hire(people(20))
    office.push()
    for name, dept, last in (("old", "Sales", 19), ("new", "Law", 20)):
        office.hire([person(1, dept=dept), *people(last)[1:], person(21)])
        assert office.run("plan", "--out", f"{name}.plan").code == 0
    return office


def test_a_saved_plan_is_shown_without_configuration_or_state(saved: Office) -> None:
    planned = {form: saved.run("plan", "--format", form).out for form in ("text", "markdown")}
    document = saved.run("plan", "--json").document
    for name in ("sync.toml", "hr.csv", "scimsync.db"):
        (saved.folder / name).unlink()

    shown = {form: saved.run("show", "new.plan", "--format", form).out for form in planned}

    assert shown == planned
    assert saved.run("show", "new.plan", "--json").document == document


def test_a_saved_plan_is_shown_as_a_page(saved: Office) -> None:
    planned = saved.run("plan", "--format", "html").out

    page = saved.run("show", "new.plan", "--format", "html").out

    assert page.partition("<main>")[2] == planned.partition("<main>")[2]
    assert "<li>from new.plan</li>" in page
    assert "<li>made 2026-03-02 08:00 UTC</li>" in page


def test_the_output_of_plan_json_is_shown_with_its_guard_and_problems(saved: Office) -> None:
    saved.configure(guard="max_removals = 1")
    saved.hire([*people(15), person(23, email="")])
    planned = saved.run("plan", "--format", "markdown")
    saved.write("plan.json", saved.run("plan", "--json").out)

    ran = saved.run("show", "plan.json", "--format", "markdown")

    assert planned.code == 3
    assert ran.code == 0
    assert ran.out == planned.out
    assert "A guard would abort this push" in ran.out
    said = saved.run("show", "plan.json").err
    assert "guard.max_removals" in said
    assert "hr 00023" in said


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"targets": {"wiki": 1}}', "id,name\n"])
def test_what_is_no_plan_is_refused(office: Office, content: str) -> None:
    office.write("x.plan", content)

    for command in (["show", "x.plan"], ["diff", "x.plan", "x.plan"]):
        ran = office.run(*command)
        assert (ran.code, ran.out) == (2, "")
        assert "x.plan: this is not a saved plan" in ran.err
    assert office.run("show", "nix.plan").code == 2


Edit = Callable[[list[str]], None]
"""A change of the lines of a plan file."""


def a_value(lines: list[str]) -> None:
    lines[2] = lines[2].replace('"Law"', '"IT"')


def an_operation(lines: list[str]) -> None:
    del lines[2]


def the_saved_part(lines: list[str]) -> None:
    lines[0] = lines[0].replace('"targets":[]', '"targets":["wiki"]')


def the_end(lines: list[str]) -> None:
    del lines[-3:]


def the_digest(lines: list[str]) -> None:
    lines[-2:] = [lines[-2].rstrip(",\n") + "}\n"]


def another_digest(lines: list[str]) -> None:
    lines[-1] = lines[-1].replace('": "', '": "0')[:-4] + '"}\n'


def the_line_ends(lines: list[str]) -> None:
    lines[:] = [line.replace("\n", "\r\n") for line in lines]


def more_text(lines: list[str]) -> None:
    lines.append("\n")


@pytest.mark.parametrize(
    "edit",
    [
        a_value, an_operation, the_saved_part, the_end, the_digest, another_digest, the_line_ends,
        more_text,
    ],
)  # fmt: skip
def test_a_file_that_was_changed_is_neither_shown_nor_applied(
    saved: Office, faulty: FaultyServer, edit: Edit
) -> None:
    before = (saved.folder / "new.plan").read_text()
    lines = before.splitlines(keepends=True)
    edit(lines)
    (saved.folder / "new.plan").write_bytes("".join(lines).encode())
    assert "".join(lines) != before
    faulty.forget()

    for command in (["show", "new.plan"], ["diff", "old.plan", "new.plan"], ["push", "new.plan"]):
        ran = saved.run(*command)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err == (
            "new.plan: the file was changed or truncated after it was saved; a push might not"
            " do what it shows [SYNC-0918]\n"
            "  make the plan again with the same command, such as scimsync plan --out new.plan\n"
        )
    assert faulty.seen == []


def test_a_file_of_an_earlier_version_is_taken_with_a_warning(saved: Office) -> None:
    text = (saved.folder / "new.plan").read_text().replace('"scimsync_plan":5', '"scimsync_plan":3')
    lines = text.splitlines(keepends=True)
    the_digest(lines)
    shown = saved.run("show", "new.plan").out
    saved.write("new.plan", "".join(lines))

    for command in (["show", "new.plan"], ["diff", "old.plan", "new.plan"], ["push", "new.plan"]):
        ran = saved.run(*command)
        assert ran.code == 0
        assert "new.plan: saved by an earlier version of scimsync, without a digest" in ran.err
        assert "[SYNC-0919]" in ran.err
        if command[0] == "show":
            assert ran.out == shown
    assert "SYNC-0919" not in saved.run("show", "old.plan").err


@pytest.mark.parametrize("head", ["{}", '{"scimsync_plan": 3}', "[]", "null"])
def test_what_push_would_not_take_is_not_shown(saved: Office, head: str) -> None:
    lines = (saved.folder / "new.plan").read_text().splitlines(keepends=True)
    the_digest(lines)
    saved.write("new.plan", "".join(['{"saved": ', head, ",\n", *lines[1:]]))

    for command in (["show", "new.plan"], ["push", "new.plan"]):
        ran = saved.run(*command)
        assert (ran.code, ran.out) == (2, "")
        assert "new.plan: this is not a saved plan [SYNC-0909]" in ran.err


def test_a_comparison_says_what_only_one_plan_does_and_what_both_do_otherwise(
    saved: Office,
) -> None:
    ran = saved.run("diff", "old.plan", "new.plan")

    assert ran.code == 0
    for said in (
        "  only in old.plan:\n  - deactivate     00020  no longer in the source\n",
        "  different:\n  ~ update         00001\n"
        '      department old.plan: "IT" → "Sales"\n'
        '                 new.plan: "IT" → "Law"\n',
        "wiki: 1 only in old.plan, 1 different, 1 the same",
    ):
        assert said in ran.out
    assert "00021" not in ran.out


def test_the_document_of_a_comparison(saved: Office) -> None:
    document = saved.run("diff", "old.plan", "new.plan", "--json").document

    assert set(document) == {"old", "new", "differ", "targets"}
    assert (document["old"], document["new"], document["differ"]) == ("old.plan", "new.plan", True)
    wiki = document["targets"]["wiki"]
    assert set(wiki) == {"only_old", "only_new", "changed", "same"}
    (user,) = wiki["changed"]
    assert (user["kind"], user["key"]) == ("user", "00001")
    assert [one["changes"][0]["after"] for one in (*user["old"], *user["new"])] == ["Sales", "Law"]
    assert ("deactivate", "00020") in [(one["action"], one["key"]) for one in wiki["only_old"]]


def test_the_exit_code_says_whether_two_plans_differ(saved: Office) -> None:
    assert saved.run("diff", "old.plan", "new.plan", "--exit-code").code == 6
    assert saved.run("diff", "old.plan", "old.plan", "--exit-code").code == 0
    assert saved.run("diff", "old.plan", "new.plan").code == 0
