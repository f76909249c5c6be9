"""The company at another SCIM server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.acceptance.holders.holder import Held, Holder
from tests.office import ENTERPRISE
from tests.servers.lying import running_lying_server
from tests.sources_company import Company


@contextmanager
def scim_server(company: Company, folder: Path) -> Iterator[Held]:
    """A SCIM server with ids of its own, which has the keys in externalId."""
    with running_lying_server(unique_names=True) as server:
        ids = {person.key: f"user-{person.number}" for person in company.people}
        for person in company.people:
            manager = {"manager": {"value": ids[person.manager]}} if person.manager else {}
            server.users[ids[person.key]] = {
                "id": ids[person.key],
                "externalId": person.key,
                "userName": person.email,
                "name": {"givenName": person.given_name, "familyName": person.family_name},
                "title": person.title,
                "active": person.active,
                ENTERPRISE: {"department": person.department, **manager},
            }
        for group in company.groups:
            server.groups[f"group-{group.number}"] = {
                "id": f"group-{group.number}",
                "externalId": group.key,
                "displayName": group.name,
                "members": [{"value": ids[key]} for key in group.members],
            }
        table = (
            f'type = "scim"\nurl = "{server.url}"\nkey = "externalId"\n'
            'auth = { type = "bearer", token = "env:SOURCE_TOKEN" }'
        )
        yield Held(
            people=table,
            groups=f'{table}\nresource = "Groups"\nmember_key = "externalId"',
            key="externalId",
            user_name="userName",
            given_name="name.givenName",
            family_name="name.familyName",
            department="enterprise.department",
            manager="enterprise.manager.value, by='id'",
            group_name="displayName",
            environment={"SOURCE_TOKEN": server.token},
        )


HOLDERS: dict[str, Holder] = {"scim": scim_server}
