"""The company at the vendors for which there is a preset, behind their servers on loopback.

Presets without a department or a title are left out: their products do not have all that the plan
needs. People whose product has no groups get them from CSV files.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.acceptance.holders.files import csv_files
from tests.acceptance.holders.holder import Held, Holder
from tests.preset_cases import CASES, Case
from tests.servers.vendors import VENDORS
from tests.sources_company import Company

NEEDED = {"email", "given_name", "family_name", "department", "title"}
QUICK = "rate = { requests = 1000000, seconds = 1 }"
BY_NUMBER = {
    "users": 'columns = { id = "attributes.employeeNumber", number = "to_string(pk)" }',
    "groups": 'columns = { member_ids = "users_obj[].attributes.employeeNumber" }',
}
"""For a product whose ids are numbers: the personnel number is the key."""


@contextmanager
def at_vendor(case: Case, company: Company, folder: Path) -> Iterator[Held]:
    """Run the server of a vendor with the company."""
    by_number = case.name == "authentik"
    logins_are_keys = replace(
        company, people=tuple(replace(person, login=person.key) for person in company.people)
    )
    server = VENDORS[case.name](logins_are_keys)
    with server.running(), csv_files(company, folder) as files:
        more = BY_NUMBER if by_number else {"users": "", "groups": ""}
        more = {resource: f"{QUICK}\n{options}" for resource, options in more.items()}
        manager = "manager_id"
        if by_number:
            manager = "manager_id, by='number'"
        elif "manager_id" not in case.columns:
            manager = "manager_email, by='email'"
        yield replace(
            files,
            people=case.source(server, more=more["users"]),
            manager=manager,
            scope="active" if case.leavers else "true",
            groups=case.source(server, "groups", more["groups"]) if case.groups else files.groups,
            members="member_ids" if case.groups else files.members,
        )


HOLDERS: dict[str, Holder] = {
    f"preset {case.name}": partial(at_vendor, case) for case in CASES if set(case.columns) >= NEEDED
}
