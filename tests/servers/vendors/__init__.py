"""Servers on loopback that answer as vendors' documentation says, filled with a made-up company."""

from __future__ import annotations

from typing import Final

from tests.servers.vendors.authentik import Authentik
from tests.servers.vendors.bamboohr import BambooHr
from tests.servers.vendors.deel import Deel
from tests.servers.vendors.entra import Entra
from tests.servers.vendors.freeipa import FreeIpa
from tests.servers.vendors.github import GitHub
from tests.servers.vendors.google import Google
from tests.servers.vendors.hibob import HiBob
from tests.servers.vendors.jumpcloud import JumpCloud
from tests.servers.vendors.keycloak import Keycloak
from tests.servers.vendors.lldap import Lldap
from tests.servers.vendors.okta import Okta
from tests.servers.vendors.oneroster import OneRoster
from tests.servers.vendors.personio import Personio
from tests.servers.vendors.rippling import Rippling
from tests.servers.vendors.server import Vendor
from tests.servers.vendors.slack import Slack
from tests.servers.vendors.successfactors import SuccessFactors
from tests.servers.vendors.workday import Workday
from tests.servers.vendors.zitadel import Zitadel

VENDORS: Final[dict[str, type[Vendor]]] = {
    vendor.name: vendor
    for vendor in (
        Authentik,
        BambooHr,
        Deel,
        Entra,
        FreeIpa,
        GitHub,
        Google,
        HiBob,
        JumpCloud,
        Keycloak,
        Lldap,
        Okta,
        OneRoster,
        Personio,
        Rippling,
        Slack,
        SuccessFactors,
        Workday,
        Zitadel,
    )
}
"""The servers by the name of the vendor."""
