"""What README shows on the command line is what the program says to the same people, at a real
server."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path
from textwrap import dedent

import pytest

from tests.office import Office, Ran

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
FIRST = ROOT / "examples" / "first"
PEOPLE = ROOT / "examples" / "three-targets" / "people.csv"

CHANGING = {
    r"[0-9a-f]{32}": "ID",
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d": "TIME",
    r"\d+\.\d s\b": "N s",
    r"http://127\.0\.0\.1:\d+(/\w+)+": "URL",
}
"""What is another one each time -> what it is compared as."""
PROGRESS = re.compile(r"^\w+: [a-z]+: [\d,]+ in \d+\.\d s\n", re.MULTILINE)


def section(heading: str) -> str:
    """The part of README below a heading."""
    return re.split(
        r"^## ", README.split(f"\n## {heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE
    )[0]


def toml_of(heading: str) -> str:
    """The sync.toml that a section shows."""
    found = re.search(r"^```toml\n(.*?)^```", section(heading), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def commands_of(heading: str) -> list[tuple[str, str]]:
    """The commands that a section shows, without `scimsync`, each with its output."""
    blocks = re.findall(r"^( *)```console\n(.*?)^\1```", section(heading), re.MULTILINE | re.DOTALL)
    text = "".join(dedent(block) for _, block in blocks)
    shown = re.findall(r"^\$ scimsync ([^\n]*)\n(.*?)(?=^\$ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert len(shown) == text.count("$ scimsync")
    return shown


def alike(text: str) -> str:
    """`text` without what is another one each time."""
    for pattern, name in CHANGING.items():
        text = re.sub(pattern, name, text)
    return text


def said(ran: Ran) -> str:
    """What a terminal keeps: no progress."""
    return alike(PROGRESS.sub("", ran.err) + ran.out)


def replay(office: Office, shown: list[tuple[str, str]]) -> list[int]:
    """Runs what is shown, compares, and gives the exit codes."""
    codes = []
    for command, output in shown:
        ran = office.run(*command.split())
        assert said(ran) == alike(output), command
        codes.append(ran.code)
    return codes


@pytest.fixture
def first(real_office: Office) -> Office:
    """The example, whose people all have accounts."""
    shutil.copy(FIRST / "hr.csv", real_office.folder)
    real_office.write(
        "sync.toml",
        toml_of("sync.toml").replace("https://wiki.example.com/scim/v2", real_office.url),
    )
    assert real_office.run("push").code == 0
    return real_office


def change(office: Office, pattern: str, replacement: str, *, name: str = "hr.csv") -> None:
    """Changes each line that `pattern` matches from its beginning."""
    before = (office.folder / name).read_text("utf-8")
    after = re.sub(f"^{pattern}", replacement, before, flags=re.MULTILINE)
    assert after != before
    office.write(name, after)


def test_the_first_sync_toml_is_that_of_the_example() -> None:
    assert tomllib.loads(toml_of("sync.toml")) == tomllib.loads(
        (FIRST / "sync.toml").read_text("utf-8")
    )


def test_a_newcomer_gets_from_a_file_to_accounts(
    real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SCIM_TOKEN", real_office.token)
    (real_office.folder / "sync.toml").unlink()
    shutil.copy(FIRST / "hr.csv", real_office.folder)
    (looking, output), *pushes = commands_of("Your own file in five minutes")

    assert replay(real_office, [(looking, output)]) == [0]
    change(real_office, r"url = .*$", f'url = "{real_office.url}"', name="sync.toml")
    assert real_office.run("check").code == 0
    assert real_office.run("plan").code == 0
    assert replay(real_office, pushes) == [0, 0]

    assert len(real_office.accounts()) == 7


def test_a_leaver_and_a_mover(first: Office) -> None:
    change(first, "1008(.*),active,", r"1008\1,left,")
    change(
        first,
        "1005,.*$",
        "1005,Eva,Engel,Eva.Engel@example.com,Recruiter,People,1007,active,2020-03-01",
    )

    assert set(replay(first, commands_of("A leaver and a mover"))) == {0}

    accounts = first.accounts()
    assert accounts["hugo.holm@example.com"]["active"] is False
    assert accounts["eva.engel@example.com"]["title"] == "Recruiter"


def test_somebody_who_is_no_administrator_any_more(
    real_office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TICKETS_TOKEN", real_office.token)
    heading = "Who may do what, written once"
    shutil.copy(PEOPLE, real_office.folder)
    text = toml_of(heading).replace("https://wiki.example.com/scim/v2", real_office.url)
    text = text.replace(
        "https://tickets.example.com/scim", real_office.url.removesuffix("/v2") + "tickets"
    )
    real_office.write("sync.toml", text)
    assert real_office.run("push").code == 0
    change(real_office, "1001(.*),IT,", r"1001\1,Sales,", name="people.csv")
    change(real_office, "1003(.*),active,", r"1003\1,left,", name="people.csv")

    assert set(replay(real_office, commands_of(heading))) == {0}

    rules = re.search(r"^Access rules\n(.*?)^```", section(heading), re.MULTILINE | re.DOTALL)
    assert rules is not None
    assert rules[0].removesuffix("```") in real_office.run("explain", "1001").out


def test_a_guard(first: Office) -> None:
    change(first, "(.*),active,", r"\1,aktiv,")

    assert replay(first, commands_of("What it promises")[:1]) == [3]

    assert [one["active"] for one in first.accounts().values()] == [True] * 7


def test_a_bad_row(first: Office) -> None:
    change(first, "1003,.*$", "1003,Chloé,Čapek,Chloe.Capek@example.com,Administrator")

    assert replay(first, commands_of("What it promises")[1:]) == [4]

    assert [one["active"] for one in first.accounts().values()] == [True] * 7
