"""How long reading an LDIF file takes, beside a library that reads LDIF and does nothing else.

`python -m benchmarks.bench_ldif` writes a million entries of thirteen attributes. `ldif` is the
maintained one of the parsers in Python; that of python-ldap takes as long.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.common import best, rows_wanted, run, scratch_folder

ROWS = 1_000_000
BASE = "dc=example,dc=com"
PEER = """\
import sys
from ldif import LDIFParser
with open(sys.argv[1], "rb") as stream:
    print(sum(1 for _ in LDIFParser(stream).parse()))
"""
SOURCE = """\
import sys
from pathlib import Path
from scimsync.sources.base import SourceSpec
from scimsync.sources.ldif import LdifSettings
from scimsync.sources.workspace import Workspace
options = {"type": "ldif", "path": sys.argv[1], "key": "employeeNumber"}
single = ["uid", "cn", "sn", "givenName", "mail", "manager"]
if len(sys.argv) > 2:
    options["attributes"] = sys.argv[2].split(",")
    single = [name for name in single if name in options["attributes"]]
options["single"] = single
spec = SourceSpec("directory", LdifSettings.model_validate(options), Path())
columns = spec.columns()
with Workspace() as workspace:
    source = spec.open(workspace)
    relation = source.scan([name for name in columns if name != "employeeNumber"])
    sql = f"select count(*) from ({relation.sql})"
    print(workspace.connection.execute(sql).fetchone()[0])
"""


def write_entries(path: Path, rows: int) -> None:
    """Write `rows` people; each has a manager."""
    with path.open("w", encoding="utf-8") as stream:
        stream.write(f"version: 1\n\ndn: {BASE}\nobjectClass: dcObject\n")
        stream.write("objectClass: organization\ndc: example\no: Example\n\n")
        stream.write(f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n")
        for n in range(rows):
            stream.write(
                f"dn: uid=u{n:07d},ou=people,{BASE}\n"
                "objectClass: inetOrgPerson\n"
                f"uid: u{n:07d}\n"
                f"cn: Given{n % 5000} Family{n % 20011}\n"
                f"sn: Family{n % 20011}\n"
                f"givenName: Given{n % 5000}\n"
                f"mail: person{n}@example.com\n"
                f"employeeNumber: E{n:07d}\n"
                f"departmentNumber: {n % 60}\n"
                f"title: Title {n % 300}\n"
                f"telephoneNumber: +1 555 {n % 10000:04d}\n"
                f"manager: uid=u{n // 10:07d},ou=people,{BASE}\n"
                "description:: QW5uIGlzIGEgbWFkZS11cCBwZXJzb24sIHdyaXR0ZW4gaW4gYmFzZTY0\n\n"
            )


def main() -> None:
    """Measure."""
    rows, figures = rows_wanted(ROWS, __doc__)
    with scratch_folder() as folder:
        path = folder / "directory.ldif"
        write_entries(path, rows)

        def read(program: str, *more: str) -> tuple[float, float]:
            ran = run([sys.executable, "-c", program, str(path), *more])
            if ran.code != 0 or int(ran.out) not in (rows, rows + 2, rows + 3):
                raise SystemExit(f"read {ran.out} of {rows} entries")
            memory.append(ran.peak_mb)
            return ran.seconds, ran.peak_mb

        memory: list[float] = []
        bare = best(lambda: read(PEER)[0])
        memory.clear()
        plain = best(lambda: read(SOURCE, "uid,mail,cn,sn,givenName,employeeNumber")[0])
        figures.show("named attributes / the library alone", plain / bare, at_most=1.5)
        figures.show("memory", max(memory), "MB", at_most=600)
        memory.clear()
        whole = best(lambda: read(SOURCE)[0])
        figures.show(
            "all attributes, managers resolved / the library alone", whole / bare, at_most=1.5
        )
        figures.show("memory, managers resolved", max(memory), "MB", at_most=600)
    figures.end()


if __name__ == "__main__":
    main()
