"""`check` and `status` name the files of the state that other users may read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.office import Office, people

pytestmark = pytest.mark.sqlite


@pytest.fixture
def pushed(office: Office) -> Office:
    office.hire(people(3))
    assert office.run("push").code == 0
    return office


def exposed(office: Office) -> list[str]:
    """The names that `status` says, after a look that `check` says the same."""
    paths = [Path(text) for text in office.run("status", "--json").document["readable_by_others"]]
    checked = office.run("check", "--json")
    assert checked.code == 0
    warnings = [one for one in checked.document["findings"] if one["code"] == "SYNC-0615"]
    text = office.run("status").out
    assert bool(warnings) is bool(paths) is ("SYNC-0615" in text)
    for path in paths:
        assert f"{path}" in warnings[0]["message"]
        assert f"{path}" in warnings[0]["hint"]
        assert f"{path}" in text
    return [path.name for path in paths]


def test_what_scimsync_writes_is_private_whatever_the_umask(pushed: Office) -> None:
    before = os.umask(0)
    try:
        pushed.hire(people(5))
        assert pushed.run("plan", "--out", "plan.json").code == 0
        assert pushed.run("push", "plan.json").code == 0
        assert pushed.run("state", "export", "state.ndjson").code == 0
    finally:
        os.umask(before)

    assert exposed(pushed) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_the_database_its_copies_and_the_index_are_named(pushed: Office, mode: int) -> None:
    folder = pushed.folder
    shutil.copyfile(folder / "scimsync.db", folder / "scimsync.db.0005.backup")
    for path in folder.iterdir():
        path.chmod(mode)

    assert set(exposed(pushed)) >= {
        "hr.index.duckdb",
        "scimsync.db",
        "scimsync.db.0005.backup",
    }
    assert not {"hr.csv", "sync.toml"} & set(exposed(pushed))


def test_exports_journals_and_saved_plans_are_named(pushed: Office) -> None:
    pushed.run("plan", "--out", "plan.json")
    pushed.run("state", "export", "state.ndjson")
    (pushed.folder / "journal.json").write_text(pushed.run("journal", "--json").out)
    for name in ("plan.json", "state.ndjson", "journal.json"):
        (pushed.folder / name).chmod(0o644)

    assert exposed(pushed) == ["journal.json", "plan.json", "state.ndjson"]


def test_a_state_in_a_folder_of_its_own(office: Office) -> None:
    office.hire(people(2))
    (office.folder / "var").mkdir()
    office.configure(more='[state]\nurl = "sqlite:///var/state.db"\n')
    assert office.run("push").code == 0
    for path in (office.folder / "var").iterdir():
        path.chmod(0o644)

    assert set(exposed(office)) >= {"hr.index.duckdb", "state.db"}
