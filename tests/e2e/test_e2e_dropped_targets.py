"""A target that sync.toml no longer has: its active accounts are named, and left."""

from __future__ import annotations

from tests.office import Office, counts, people
from tests.servers.faulty import FaultyServer


def renamed(office: Office) -> None:
    """[targets.wiki] becomes [targets.app], at the same url."""
    text = (office.folder / "sync.toml").read_text("utf-8")
    office.write("sync.toml", text.replace("targets.wiki", "targets.app"))


def test_a_renamed_target_is_named_with_its_accounts(office: Office, faulty: FaultyServer) -> None:
    office.configure(guard='max_adoptions = "100%"')
    office.hire(people(5))
    office.push()
    renamed(office)
    office.hire(people(4))

    pushed = office.run("push")

    said = "no longer in sync.toml, and has 5 active accounts that no push deactivates"
    now = "app has its url now"
    assert pushed.err.count(f"wiki: {said}; {now}; ") == 1
    assert "[SYNC-0433]" in pushed.err
    assert faulty.users["id-00005"]["active"]
    assert f"target wiki: {said}; {now} [SYNC-0433]" in office.run("status").out
    assert office.run("status", "--json").document["dropped_targets"] == [
        {"name": "wiki", "active": 5, "same_url": ["app"]}
    ]
    checked = office.run("check").out
    assert f"{said}; {now} [SYNC-0433]" in " ".join(checked.split())


def test_a_target_without_active_accounts_is_not_named(office: Office) -> None:
    office.configure(guard="max_removals = 100")
    office.hire(people(3))
    office.push()
    office.run("deprovision", "00001", "00002", "00003", "--yes")
    renamed(office)

    assert "SYNC-0433" not in office.run("status").out


def test_the_old_name_brings_the_leavers_back_into_view(
    office: Office, faulty: FaultyServer
) -> None:
    office.configure(guard='max_adoptions = "100%"')
    office.hire(people(5))
    office.push()
    before = (office.folder / "sync.toml").read_text("utf-8")
    renamed(office)
    office.hire(people(4))
    office.run("push")
    office.write("sync.toml", before)

    assert counts(office.push()) == {"deactivate": 1}

    assert not faulty.users["id-00005"]["active"]
    assert "target app: no longer in sync.toml" in office.run("status").out
