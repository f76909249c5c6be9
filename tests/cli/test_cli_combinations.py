"""Options that would have no effect are refused, by a usage error that names them."""

from __future__ import annotations

import pytest

from tests.office import Office, people
from tests.servers.faulty import FaultyServer


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ("reconcile --yes", "--yes can only be used with --fix"),
        (
            "reconcile --allow-removals 5 --allow-updates 5 --allow-adoptions 5",
            "--allow-removals, --allow-updates and --allow-adoptions can only be used with --fix",
        ),
        ("plan --offline --refresh", "--refresh cannot be used with --offline"),
        ("plan --json --format html", "--json cannot be used with --format html"),
        ("--json plan --format text", "--json cannot be used with --format text"),
        ("show new.plan --json --format html", "--json cannot be used with --format html"),
        ("journal --json --format csv", "--json cannot be used with --format csv"),
        ("adoption --json --format csv", "--json cannot be used with --format csv"),
        ("audit 1 --json --format csv", "--json cannot be used with --format csv"),
        ("probe wiki --json --format junit", "--json cannot be used with --format junit"),
        (
            "revert 1 --lift --yes --out back.plan --allow-updates 5",
            "--out, --yes and --allow-updates cannot be used with --lift",
        ),
        ("revert 1 --out back.plan --yes", "--yes cannot be used with --out"),
        ("deprovision 00001 --lift --yes", "--yes cannot be used with --lift"),
        (
            "probe wiki --clean --keep --as okta --only users --format html --out a --har b",
            "--keep, --as, --only, --format, --out and --har cannot be used with --clean",
        ),
        ("-c sync.toml probe https://app.example.com/v2", "--config cannot be used with a URL"),
        (
            "audit 00001 --verify report --since 1d --until 1d --format csv --out a.csv -t wiki",
            "KEY, --since, --until, --format, --out and --target cannot be used with --verify",
        ),
        ("-t wiki audit --verify report", "--target cannot be used with --verify"),
        ("audit 00001 --public-key key.pem", "--public-key can only be used with --verify"),
        ("audit 00001 --until 1d", "--until can only be used with --since"),
        ("audit 00001 --since 1d", "name one KEY, or a period with --since"),
        ("audit --since 1d --until 2d", "--until must be later than --since"),
        ("journal --since 1d --until 2d", "--until must be later than --since"),
        ("init hr.csv --out new.toml --config old.toml", "--config cannot be used with --out"),
        ("rekey 00001 00002 --from keys.csv", "give OLD and NEW, or --from FILE"),
        ("help plan --json", "--json can only be used with CODE"),
        ("state export - --json", "--json cannot be used with -"),
        ("status --quiet --verbose", "--quiet cannot be used with --verbose"),
    ],
)
def test_options_without_effect_are_refused(
    office: Office, faulty: FaultyServer, arguments: str, problem: str
) -> None:
    office.hire(people(1))
    office.push()
    faulty.forget()

    ran = office.run(*arguments.split())

    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("Usage: scimsync ")
    assert ran.err.endswith(f"Error: {problem} [SYNC-0916]\n")
    assert faulty.seen == []


@pytest.mark.parametrize(
    "arguments",
    ["plan --json --format json", "-v journal --format json --json", "audit --since 1d --until 0m"],
)
def test_options_that_say_the_same_are_accepted(office: Office, arguments: str) -> None:
    office.hire(people(1))
    office.push()

    assert office.run(*arguments.split()).code == 0


def test_the_environment_does_not_count_as_an_option(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.hire(people(1))
    monkeypatch.setenv("SCIMSYNC_CONFIG", "elsewhere.toml")

    ran = office.run("init", "hr.csv", "--out", "new.toml")

    assert (ran.code, (office.folder / "new.toml").exists()) == (0, True)


def test_an_export_says_as_json_what_it_wrote(office: Office) -> None:
    office.hire(people(1))
    office.push()

    ran = office.run("state", "export", "state.ndjson", "--json")

    lines = (office.folder / "state.ndjson").read_text().splitlines()
    assert ran.document == {"file": "state.ndjson", "rows": len(lines) - 2}
