"""A state database that vanishes in mid push stops it before the next request."""

from __future__ import annotations

import pytest

from tests.office import Office, people
from tests.servers.faulty import FaultyServer, Seen

pytestmark = pytest.mark.sqlite


@pytest.mark.parametrize("replaced", [False, True])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_is_sent_once_the_state_is_gone(
    office: Office, faulty: FaultyServer, method: str, replaced: bool
) -> None:
    office.configure(target="concurrency = 1")
    office.hire(people(100))

    def vanish(seen: Seen) -> bool:
        if seen.method == method:
            for file in office.folder.glob("scimsync.db*"):
                file.unlink()
            if replaced:
                office.write("scimsync.db", "")
        return False

    faulty.fail(where=vanish)

    ran = office.run("push")

    assert ran.code == 1
    assert (
        f"{office.folder.resolve()}/scimsync.db: the state database was deleted or replaced during"
        " the run [SYNC-0422]\n  nothing more was sent;"
    ) in ran.err
    assert "Traceback" not in ran.err
    assert len(faulty.written()) == (0 if method == "GET" else 1)
    assert (office.folder / "scimsync.db").exists() is replaced
