"""How long reading a directory takes, beside the paged read of the bare LDAP client.

`python -m benchmarks.bench_ldap` starts OpenLDAP with 50,000 people. ldap3 asks for the same
attributes in the same pages, without the schema, which is the fastest that it can do.
"""

from __future__ import annotations

import sys

from benchmarks.bench_ldif import BASE, write_entries
from benchmarks.common import best, rows_wanted, run, scratch_folder
from tests.servers.slapd import ADMIN, PASSWORD, new_slapd

ROWS = 50_000
ATTRIBUTES = "uid,cn,sn,givenName,mail,employeeNumber,departmentNumber,title,telephoneNumber"
BARE = """\
import sys
import ldap3
_, url, base, account, password, attributes = sys.argv
server = ldap3.Server(url, get_info=ldap3.NONE)
with ldap3.Connection(server, account, password) as connection:
    found = connection.extend.standard.paged_search(
        base, "(objectClass=inetOrgPerson)", attributes=attributes.split(","), paged_size=500
    )
    print(sum(1 for _ in found))
"""
SOURCE = """\
import sys
from pathlib import Path
from scimsync.sources.base import SourceSpec
from scimsync.sources.ldap import LdapSettings
from scimsync.sources.workspace import Workspace
_, url, base, account, password, attributes = sys.argv
options = {
    "type": "ldap", "url": url, "base": base, "filter": "(objectClass=inetOrgPerson)",
    "key": "employeeNumber", "attributes": attributes.split(","),
    "bind_dn": account, "password": "env:PASSWORD",
}
settings = LdapSettings.model_validate(options)
spec = SourceSpec("directory", settings, Path(), secret=lambda _: password)
columns = spec.columns()
with Workspace() as workspace:
    relation = spec.open(workspace).scan([name for name in columns if name != "employeeNumber"])
    sql = f"select count(*) from ({relation.sql})"
    print(workspace.connection.execute(sql).fetchone()[0])
"""


def main() -> None:
    """Measure."""
    rows, figures = rows_wanted(ROWS, __doc__)
    with scratch_folder() as folder, new_slapd() as slapd:
        path = folder / "directory.ldif"
        write_entries(path, rows)
        slapd.load(path.read_text("utf-8").removeprefix("version: 1\n\n"))
        slapd.start()
        memory: list[float] = []

        def read(program: str, attributes: str) -> float:
            account = (ADMIN, PASSWORD)
            ran = run([sys.executable, "-c", program, slapd.url, BASE, *account, attributes])
            if ran.code != 0 or int(ran.out) != rows:
                raise SystemExit(f"read {ran.out} of {rows} entries")
            memory.append(ran.peak_mb)
            return ran.seconds

        for name, attributes in (("", ATTRIBUTES), (", managers", f"{ATTRIBUTES},manager")):
            bare = best(lambda of=attributes: read(BARE, of))  # type: ignore[misc]
            memory.clear()
            ours = best(lambda of=attributes: read(SOURCE, of))  # type: ignore[misc]
            figures.show(f"read{name} / the client alone", ours / bare, at_most=1.5)
            figures.show(f"memory{name}", max(memory), "MB", at_most=600)
    figures.end()


if __name__ == "__main__":
    main()
