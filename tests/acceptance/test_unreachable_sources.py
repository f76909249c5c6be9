"""A source of any kind that is out of reach stops its targets, and others go on."""

from __future__ import annotations

import os
from datetime import timedelta
from unittest.mock import patch

import pytest

from tests.acceptance.holders import HOLDERS
from tests.acceptance.holders.holder import Held
from tests.office import USER, Office, people
from tests.servers.faulty import FaultyServer, running_faulty_server
from tests.sources_company import company


def configure(office: Office, held: Held, other: FaultyServer) -> None:
    """Provision one target from the source, and another from a CSV file."""
    office.configure(
        source=f"""
[sources.staff]
{held.people}

[sources.other]
type = "file"
path = "other.csv"
key = "id"
""",
        target=f'source = "staff"\nscope = "{held.scope}"',
        user=f'externalId = "{held.key}"\nuserName = "{held.user_name}"\nactive = true',
        more=f"""
[targets.intranet]
url = "{other.url}"
auth = {{ type = "bearer", token = "env:INTRANET_TOKEN" }}
source = "other"
[targets.intranet.user]
{USER}
""",
    )


@pytest.mark.parametrize("kind", HOLDERS)
def test_nobody_leaves_while_a_source_is_out_of_reach(
    kind: str,
    office: Office,
    faulty: FaultyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    staff = company(30, 3)
    before = set(office.folder.iterdir())
    with running_faulty_server() as other:
        monkeypatch.setenv("INTRANET_TOKEN", other.token)
        with (
            HOLDERS[kind](staff, office.folder) as held,
            patch.dict(os.environ, held.environment),
        ):
            added = set(office.folder.iterdir()) - before
            configure(office, held, other)
            office.hire(people(3), "other.csv")
            first = office.run("push")
            assert first.code == 0, first.err
            assert len(faulty.users) == len(staff.active)
        for path in added:
            path.rename(path.with_name(f"{path.name}.gone"))
        sent = len(faulty.written())
        office.hire(people(4), "other.csv")
        office.now += timedelta(days=1)

        with patch.dict(os.environ, held.environment):
            second = office.run("push")

        assert second.code == 1, (second.out, second.err)
        assert len(faulty.written()) == sent
        assert all(user["active"] for user in faulty.users.values())
        assert len(other.users) == 4
