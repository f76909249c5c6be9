"""Options that name a file to write: what is checked before the work, and in which format."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

from scimsync.cli import cli
from scimsync.cli.ui.output_file import OutputFile, ReportFile
from tests.office import Office, people, person
from tests.servers.faulty import FaultyServer

FAILING = {
    ("plan", "--out"): ["plan"],
    ("adoption", "--out"): ["adoption"],
    ("audit", "--out"): ["audit", "nobody"],
    ("revert", "--out"): ["revert", "99"],
    ("probe", "--out"): ["probe", "wiki"],
    ("probe", "--har"): ["probe", "wiki"],
    ("init", "--out"): ["init", "absent.csv"],
}
"""Command and option -> arguments whose work would fail, or send requests."""

REPORTS = [["adoption"], ["audit", "00001"], ["probe", "wiki"]]


@pytest.fixture
def company(office: Office, faulty: FaultyServer) -> Office:
    """Two users with accounts."""
    office.hire(people(2))
    office.push()
    faulty.forget()
    return office


def options_of_files() -> Iterator[tuple[str, str]]:
    """All options of all commands that name a file to write."""
    for name in cli.list_commands(click.Context(cli)):
        command: click.Command = import_module(f"scimsync.cli.commands.{name}").command
        for option in command.params:
            if isinstance(option.type, OutputFile | ReportFile) or "--out" in option.opts:
                yield name, option.opts[0]


def test_all_options_of_files_are_tested() -> None:
    assert {*options_of_files()} == {*FAILING}


@pytest.mark.parametrize(("command", "option"), FAILING)
@pytest.mark.parametrize(
    ("file", "why"),
    [
        ("no/such/report.txt", "No such file or directory"),
        ("folder", "Is a directory"),
        ("hr.csv/report.txt", "Not a directory"),
        ("n" * 300, "File name too long"),
    ],
)
def test_a_file_that_cannot_be_written_is_found_before_the_work(
    company: Office, faulty: FaultyServer, command: str, option: str, file: str, why: str
) -> None:
    (company.folder / "folder").mkdir()

    ran = company.run(*FAILING[command, option], option, file)

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"{file}: the file cannot be written: {why} [SYNC-0907]\n")
    assert faulty.seen == []


def test_a_missing_folder_is_named(company: Office) -> None:
    ran = company.run("plan", "--out", "no/such/tonight.plan")

    assert ran.err.splitlines()[1:] == ["  create the folder no/such"]


@pytest.mark.parametrize(("command", "option"), [one for one in FAILING if one[0] != "init"])
def test_a_file_that_scimsync_needs_is_refused_before_the_work(
    company: Office, faulty: FaultyServer, command: str, option: str
) -> None:
    os.link(company.folder / "hr.csv", company.folder / "people")

    ran = company.run(*FAILING[command, option], option, "people")

    assert (ran.code, ran.out) == (2, "")
    assert "people is a file of the source hr and was not changed [SYNC-0906]" in ran.err
    assert (company.folder / "hr.csv").samefile(company.folder / "people")
    assert faulty.seen == []


@pytest.mark.parametrize("name", ["-", ""])
@pytest.mark.parametrize("command", [["plan"], ["revert", "1"], ["init", "hr.csv"]])
def test_a_plan_and_a_configuration_need_the_name_of_a_file(
    company: Office, command: list[str], name: str
) -> None:
    ran = company.run(*command, "--out", name)

    assert (ran.code, ran.out) == (2, "")
    assert "Invalid value for '--out': name a file; " in ran.err
    assert ran.err.endswith("[SYNC-0920]\n")


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_to_a_dash_goes_to_stdout(company: Office, report: list[str]) -> None:
    ran = company.run(*report, "--format", "html", "--out", "-")

    assert ran.out.startswith("<!doctype html>")
    assert "wrote" not in ran.err
    assert not (company.folder / "-").exists()


def test_a_plan_to_a_device_is_not_said_to_be_saved(company: Office) -> None:
    ran = company.run("plan", "--out", os.devnull)

    assert (ran.code, ran.err.splitlines()[-1]) == (0, f"wrote {os.devnull}")
    assert Path(os.devnull).is_char_device()


def test_a_plan_goes_to_a_pipe(company: Office) -> None:
    reader, writer = os.pipe()

    ran = company.run("plan", "--out", f"/dev/fd/{writer}")

    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert "plan" in json.load(pipe)
    assert ran.code == 0


def test_the_command_that_applies_a_saved_plan_is_quoted(company: Office) -> None:
    ran = company.run("plan", "--out", "the plan.json")

    assert ran.err.splitlines()[-1] == (
        "saved the plan.json; scimsync push 'the plan.json' applies exactly this plan, or nothing"
    )


@pytest.mark.parametrize("report", REPORTS)
def test_the_extension_determines_the_format_of_a_report(
    company: Office, report: list[str]
) -> None:
    company.run(*report, "--out", "report.HTML")
    company.run(*report, "--out", "report.json")
    company.run(*report, "--out", "report")

    assert (company.folder / "report.HTML").read_text().startswith("<!doctype html>")
    assert json.loads((company.folder / "report.json").read_text())
    assert (company.folder / "report").read_text()[0] not in "<{"


@pytest.mark.parametrize(
    ("report", "known"),
    [
        (["adoption"], ".csv, .htm, .html, .json, .md, .txt"),
        (["audit", "00001"], ".csv, .htm, .html, .json, .txt"),
        (["probe", "wiki"], ".htm, .html, .json, .md, .txt, .xml"),
    ],
)
def test_an_unknown_extension_is_refused_before_the_work(
    company: Office, faulty: FaultyServer, report: list[str], known: str
) -> None:
    ran = company.run(*report, "--out", "report.pdf")

    assert (ran.code, ran.out) == (2, "")
    assert (
        f"Error: --out report.pdf: unknown extension; use one of {known}, or add --format"
        " [SYNC-0921]\n"
    ) in ran.err
    assert faulty.seen == []
    assert company.run(*report, "--out", "report.pdf", "--format", "html").code != 2


def test_quiet_prints_only_what_is_wrong_with_a_plan(company: Office) -> None:
    company.hire([*people(2), person(3, email="")])

    ran = company.run("plan", "--quiet")

    assert (ran.code, ran.out) == (4, "")
    assert ran.err.startswith("hr 00003: wiki: ")


def test_quiet_compares_plans_by_the_exit_code_only(company: Office) -> None:
    company.run("plan", "--out", "old.plan")
    company.hire(people(3))
    company.run("plan", "--out", "new.plan")

    ran = company.run("diff", "old.plan", "new.plan", "--exit-code", "--quiet")

    assert (ran.code, ran.out, ran.err) == (6, "", "")


@pytest.mark.parametrize("report", [["plan"], *REPORTS])
def test_quiet_does_not_say_what_was_written(company: Office, report: list[str]) -> None:
    ran = company.run(*report, "--out", "report.txt", "--quiet")

    assert (company.folder / "report.txt").exists()
    assert "report.txt" not in ran.err
