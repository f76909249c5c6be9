"""What a test needs to read each vendor's loopback server with its preset."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.servers.oauth import CLIENT, SECRET
from tests.servers.vendors import VENDORS
from tests.servers.vendors.server import KEY, PASSWORD, USER, Vendor
from tests.sources_company import Company, Person, company

OAUTH = f'type = "oauth2", client_id = "{CLIENT}", client_secret = "literal:{SECRET}"'
BEARER = f'type = "bearer", token = "literal:{KEY}"'
LOGIN = f'type = "login", username = "{USER}", password = "literal:{PASSWORD}"'
NAMES = ("user_name", "email", "given_name", "family_name")
JOB = ("department", "title", "manager_id")


def _key(person: Person) -> str:
    return person.key


def _number(person: Person) -> str:
    return str(person.number)


def _login(person: Person) -> str:
    return person.login


@dataclass(frozen=True)
class Case:
    """One vendor: its settings, the columns that it fills, and what a fault means there.

    `id` and `user_name` are the values of these columns for a person. `leavers` says whether people
    who left are listed. `counted` says whether the vendor shows how long its list is, so that an
    early end is found at once and not by `min_records`. `one_page` is a list without pages, and
    `renews` says that credentials are replaced when they expire.
    """

    name: str
    auth: str
    columns: tuple[str, ...]
    variables: str = ""
    groups: bool = True
    id: Callable[[Person], str] = _key
    user_name: Callable[[Person], str] = lambda person: person.email
    leavers: bool = True
    counted: bool = False
    one_page: bool = False
    renews: bool = False
    people: int = 60

    def company(self) -> Company:
        """Return a company that is larger than a page."""
        return company(self.people, 5)

    def server(self) -> Vendor:
        """Return the vendor's server, whose pages are short."""
        server = VENDORS[self.name](self.company())
        server.page_limit = 10
        return server

    def source(self, server: Vendor, resource: str = "users", more: str = "") -> str:
        """Return the options of a source in sync.toml that reads the server."""
        auth = self.auth.replace("{url}", server.url)
        if "{key}" in auth:
            assert server.oauth is not None
            auth = auth.replace("{key}", json.dumps(f"literal:{server.oauth.private_key}"))
        return f"""
type = "http"
preset = "{self.name}"
resource = "{resource}"
url = "{server.url}"
auth = {{ {auth} }}
variables = {{ {self.variables} }}
key = "id"
{more}
"""

    def expected(self, *columns: str) -> list[Mapping[str, Any]]:
        """Return the records that the source should have, in the order of their keys."""
        whole = self.company()
        by_key = whole.by_key()
        records: list[Mapping[str, Any]] = []
        for person in whole.people if self.leavers else whole.active:
            manager = by_key.get(person.manager or "")
            values: dict[str, Any] = {
                "user_name": self.user_name(person),
                "email": person.email,
                "given_name": person.given_name,
                "family_name": person.family_name,
                "department": person.department,
                "title": person.title,
                "manager_id": manager and self.id(manager),
                "manager_email": manager and manager.email,
                "active": person.active,
            }
            record = {"key": self.id(person)} | {name: values[name] for name in columns}
            records.append(record)
        return sorted(records, key=lambda record: str(record["key"]))


CASES = (
    Case(
        "google-workspace",
        f'type = "oauth2", client_id = "{CLIENT}", private_key = {{key}},'
        ' subject = "admin@example.com", token_url = "{url}/token"',
        (*NAMES, "department", "title", "manager_email", "active"),
        renews=True,
    ),
    Case(
        "entra",
        OAUTH + ', token_url = "{url}/tenant/oauth2/v2.0/token"',
        (*NAMES, *JOB, "active"),
        variables='tenant = "tenant"',
        counted=True,
        renews=True,
    ),
    Case(
        "okta",
        f'type = "header", value = "literal:{KEY}"',
        (*NAMES, *JOB, "active"),
        variables='org = "example.okta.com"',
    ),
    Case(
        "jumpcloud",
        f'type = "header", value = "literal:{KEY}"',
        (*NAMES, *JOB, "active"),
        user_name=_login,
        counted=True,
    ),
    Case(
        "keycloak",
        OAUTH,
        (*NAMES, *JOB, "active"),
        variables='realm = "office"',
        counted=True,
        renews=True,
        people=220,
    ),
    Case("authentik", BEARER, (*NAMES, *JOB, "active"), id=_number, counted=True),
    Case("zitadel", BEARER, (*NAMES, "active"), groups=False, counted=True),
    Case(
        "lldap",
        LOGIN,
        (*NAMES, *JOB),
        id=_login,
        user_name=_login,
        leavers=False,
        counted=True,
        one_page=True,
        renews=True,
    ),
    Case(
        "freeipa",
        LOGIN,
        (*NAMES, *JOB, "active"),
        id=_login,
        user_name=_login,
        counted=True,
        one_page=True,
        renews=True,
    ),
    Case(
        "bamboohr",
        f'type = "basic", username = "literal:{KEY}", password = "literal:x"',
        (*NAMES, *JOB, "active"),
        variables='company = "example"',
        groups=False,
        counted=True,
    ),
    Case("personio", OAUTH, (*NAMES, *JOB, "active"), groups=False, renews=True),
    Case(
        "hibob",
        f'type = "basic", username = "{USER}", password = "literal:{PASSWORD}"',
        (*NAMES, *JOB, "manager_email", "active"),
        groups=False,
        counted=True,
        one_page=True,
    ),
    Case(
        "workday",
        f'type = "basic", username = "{USER}@office", password = "literal:{PASSWORD}"',
        (*NAMES, *JOB, "active"),
        variables='host = "wd5.example.com", tenant = "office", owner = "hr_integration",'
        ' report = "Workers"',
        groups=False,
        counted=True,
        one_page=True,
    ),
    Case(
        "successfactors",
        f'type = "basic", username = "{USER}@office", password = "literal:{PASSWORD}"',
        (*NAMES, *JOB, "active"),
        variables='host = "api4.example.com"',
        groups=False,
    ),
    Case("rippling", BEARER, (*NAMES, *JOB, "active"), groups=False),
    Case("deel", BEARER, (*NAMES, *JOB, "active"), groups=False, counted=True),
    Case(
        "oneroster",
        OAUTH + ', token_url = "{url}/token"',
        (*NAMES, "active"),
        counted=True,
        renews=True,
    ),
    Case(
        "github",
        BEARER,
        ("user_name",),
        variables='org = "office"',
        id=_number,
        user_name=lambda person: person.login.replace(".", "-"),
        leavers=False,
    ),
    Case("slack", BEARER, (*NAMES, "title", "active"), user_name=_login),
)
