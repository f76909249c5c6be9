"""Sources of directory entries for tests, without a sync.toml, and a small directory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scimsync.snapshot.compare import compare
from scimsync.snapshot.index import StoredSnapshot
from scimsync.sources import SourceSpec
from scimsync.sources.kinds import SOURCES
from tests.servers.slapd import PASSWORD, SUFFIX

PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"

HEAD = f"""dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {PEOPLE}
objectClass: organizationalUnit
ou: people

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups
"""

OFFICE = f"""{HEAD}
dn: uid=ann,{PEOPLE}
objectClass: inetOrgPerson
objectClass: exampleAccount
uid: ann
cn: Ann Abel
cn: Annie Abel
cn;lang-de: Anna Abel
sn: Abel
mail: ann@example.com
mail: abel@example.com
employeeNumber: 1
jpegPhoto:: /9j/4A==
userPassword: secret
userAccountControl: 514
accountExpires: 133500000000000000
objectGUID:: AQIDBAUGBwgJCgsMDQ4PEA==
objectSid:: AQEAAAAAAAUSAAAA
whenCreated: 20240102030405.0Z
msExampleBoolean: TRUE

dn: uid=bo,{PEOPLE}
objectClass: inetOrgPerson
objectClass: exampleAccount
uid: bo
cn: Bo Berg
sn: Berg
mail: bo@example.com
employeeNumber: 2
manager: UID=Ann, ou=People, dc=Example,dc=com
userAccountControl: 512
accountExpires: 9223372036854775807
msExampleBoolean: FALSE

dn: cn=Cy\\2C the third,{PEOPLE}
objectClass: inetOrgPerson
uid: cy
cn: Cy, the third
sn: Cyan
employeeNumber: 3
manager: uid=nobody,{PEOPLE}

dn: cn=inner,{GROUPS}
objectClass: exampleGroup
cn: inner
member: uid=bo,{PEOPLE}
member: cn=outer,{GROUPS}

dn: cn=outer,{GROUPS}
objectClass: exampleGroup
cn: outer
member: cn=inner,{GROUPS}
member: uid=ann,{PEOPLE}
member: uid=gone,{PEOPLE}

dn: cn=empty,{GROUPS}
objectClass: exampleGroup
cn: empty
"""
"""Three people, two groups that are members of each other, and an empty group."""


def directory_spec(kind: str, folder: Path = Path(), **options: Any) -> SourceSpec[Any]:
    """Return `[sources.dir]`; the password of bind_dn is that of the administrator."""
    settings = SOURCES[kind].model_validate({"type": kind, "key": "uid", **options})
    return SourceSpec("dir", settings, folder, secret=lambda _: PASSWORD)


@dataclass(frozen=True)
class Look:
    """What a first look at a source finds: records by key, without empty cells, and problems."""

    columns: list[str]
    records: dict[str, dict[str, Any]]
    problems: list[str]


def look(spec: SourceSpec[Any]) -> Look:
    """Read a source for the first time, with all its columns."""
    columns = spec.columns()
    with TemporaryDirectory() as folder:
        snapshot = StoredSnapshot(Path(folder) / "index.duckdb", lambda: (), 0, None)
        with compare(spec, columns, snapshot) as found:
            read = {
                str(change.key): _filled(json.loads(change.data_json or "{}"))
                for batch in found.changes()
                for change in batch
            }
            return Look(columns, read, [problem.detail for problem in found.problems])


def _filled(record: dict[str, Any]) -> dict[str, Any]:
    return {column: value for column, value in record.items() if value is not None}
