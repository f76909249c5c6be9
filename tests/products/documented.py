"""What a dozen products document of their SCIM servers, and how a company uses them.

The pages and dates are those that the profiles cite.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from tests.servers.product import ENTERPRISE, Documented, Limit

NAME = """
externalId = "id"
userName = "email | lower"
"name.givenName" = "given"
"name.familyName" = "family"
displayName = "given + ' ' + family"
active = true
"""
WORK_EMAIL = '\'emails[type eq "work"].value\' = "email | lower"\n'
EMAILS = """
emails = "[{'value': email | lower, 'type': 'work', 'primary': true}]"
"""
NICKNAME = "urn:ietf:params:scim:schemas:extension:Microsoft:Entra:2.0:User:mailNickname"
SERVICENOW = "urn:ietf:params:scim:schemas:extension:servicenow:2.0:User"


def users_by(*paths: str, groups: tuple[str, ...] = ()) -> Mapping[str, tuple[str, ...]]:
    """Return the attributes of filters. Without `groups` there are no groups."""
    return {"Users": paths, "Groups": groups}


@dataclass(frozen=True)
class Product:
    """A product, and the mapping that its documentation asks for.

    `keeps` are the attributes that stay as they were created.
    """

    rules: Documented
    user: str = NAME + WORK_EMAIL
    creates_groups: bool = True
    keeps: tuple[str, ...] = ()
    renames_groups: bool = True

    @property
    def has_groups(self) -> bool:
        return bool(self.rules.filters["Groups"])


_CORE = frozenset({"username", "active", "displayname", "name", "emails", "title"})

PRODUCTS: Final = {
    # docs.aws.amazon.com, IAM Identity Center SCIM: limitations, createuser, listgroups, patchgroup
    "aws": Product(
        Documented(
            "aws-iam-identity-center",
            allowed=_CORE
            | {"nickname", "profileurl", "phonenumbers", "addresses", "usertype"}
            | {"preferredlanguage", "locale", "timezone", ENTERPRISE.lower()},
            required=("userName", "displayName", "name.givenName", "name.familyName"),
            filters=users_by("userName", "externalId", groups=("displayName", "externalId")),
            page=50,
            cursors=True,
            one_value=True,
            refused=("PUT Groups",),
            members=100,
            whole_members=False,
            shows_members=False,
            forbidden="<>;:%",
            needs_user_agent=True,
            silent=False,
        ),
    ),
    # MicrosoftDocs/entra-docs, entra-id-scim-api-reference.md, 2026-03-26
    "entra": Product(
        Documented(
            "entra",
            required=(
                "userName",
                "password",
                "name.familyName",
                "name.givenName",
                "displayName",
                NICKNAME,
            ),
            filters=users_by("userName", "externalId", "id", groups=("displayName", "externalId")),
            cursors=True,
            resources="resources",
            silent=True,
            members=20,
            removed_members=1,
        ),
        user=f'{NAME}password = {{ generate = 32 }}\n"{NICKNAME}" = "id"\n',
    ),
    # github/docs, provisioning users and groups with SCIM using the REST API; emu-scim-rate-limits
    "github-emu": Product(
        Documented(
            "github-enterprise-managed-users",
            allowed=_CORE - {"title"} | {"roles"},
            required=("userName", "externalId"),
            filters=users_by(
                "userName", "externalId", "id", groups=("displayName", "externalId", "id")
            ),
            needs_user_agent=True,
            limits=(Limit(("POST", "PUT", "PATCH", "DELETE"), "Users", 1000, 3600),),
        ),
    ),
    # docs.github.com/rest/scim: no filters in paths; whoever is not active leaves the organization
    "github-organization": Product(
        Documented(
            "github-organisation",
            allowed=_CORE - {"title"},
            required=("userName", "name.givenName", "name.familyName", "emails"),
            filters=users_by("userName", "externalId", "id"),
            value_paths=False,
            inactive="gone",
            needs_user_agent=True,
        ),
        user=NAME + EMAILS,
    ),
    # docs.gitlab.com/api/scim: users only; the id is the externalId
    "gitlab": Product(
        Documented(
            "gitlab-group",
            filters=users_by("id", "externalId"),
            id_is="externalId",
            silent=True,
        ),
    ),
    # docs.slack.dev/reference/scim-api and its rate limits
    "slack": Product(
        Documented(
            "slack",
            allowed=_CORE
            | {"nickname", "addresses", "phonenumbers", "roles", "locale", "photos", "profileurl"}
            | {"timezone", "usertype", "preferredlanguage"}
            | {"urn:scim:schemas:extension:enterprise:1.0"},
            required=("userName", "emails"),
            filters=users_by(
                "userName", "email", 'emails[type eq "work"].value', groups=("displayName",)
            ),
            frozen=("displayName",),
            deleted="inactive",
            longest={"userName": 20},
            limits=(
                Limit(("POST",), "Users", 180, 60),
                Limit(("PUT", "PATCH"), "Users", 180, 60),
                Limit(("DELETE",), "Users", 180, 60),
                Limit(("GET",), "Users", 300, 60, single=True),
            ),
        ),
        user=NAME + WORK_EMAIL,
        keeps=("displayName",),
    ),
    # developer.atlassian.com, user provisioning API: one eq; DELETE deactivates; no group renames
    "atlassian": Product(
        Documented(
            "atlassian-cloud",
            filters=users_by("userName", "externalId", groups=("displayName",)),
            deleted="inactive",
            frozen_in_groups=("displayName",),
        ),
        renames_groups=False,
    ),
    # docs.snowflake.com, SCIM user API; bcr-2276: lists before behavior bundle 2026_03
    "snowflake": Product(
        Documented(
            "snowflake",
            filters=users_by("userName", "externalId", groups=("displayName",)),
            other_filters="nothing",
            lists_are_real=False,
            one_value=True,
        ),
    ),
    # ServiceNow/ServiceNowDocs, scim-api.md, 2026-03-12
    "servicenow": Product(
        Documented(
            "servicenow",
            filters=users_by("userName", "externalId", "id", groups=("displayName", "externalId")),
            page=10,
            largest_page=500,
            refuses_larger_pages=True,
            members=100,
            dropped=(ENTERPRISE,),
        ),
        user=f'{NAME}{WORK_EMAIL}"{ENTERPRISE}:department" = "dept"\n',
    ),
    # help.salesforce.com, xcloud.identity_scim_rest_api
    "salesforce": Product(
        Documented(
            "salesforce",
            required=("userName", "entitlements"),
            filters=users_by("userName", "externalId", groups=("displayName",)),
            refused=("DELETE Users", "POST Groups", "DELETE Groups"),
            config_path="/ServiceProviderConfigs",
        ),
        user=f"{NAME}{WORK_EMAIL}entitlements = \"['00e000000000001']\"\n",
        creates_groups=False,
    ),
    # bitwarden/server, bitwarden_license/src/Scim, 2026-08-20
    "bitwarden": Product(
        Documented(
            "bitwarden",
            filters=users_by("userName", "externalId", groups=("displayName", "externalId")),
            filter_needs={"userName": "@"},
            other_filters="nothing",
            page=50,
            frozen=("userName", "displayName", "name", "emails"),
            longest={"externalId": 300},
            shows_members=False,
            silent=True,
        ),
        keeps=("userName", "displayName", "name"),
    ),
    # developers.miro.com/reference/rate-limits
    "miro": Product(
        Documented(
            "miro",
            refused=("POST Groups", "DELETE Groups"),
            members=8000,
            largest_body=800_000,
            limits=(
                Limit(("GET", "POST"), "Users", 200, 30),
                Limit(("PUT", "PATCH"), "Users", 100, 30),
                Limit(("DELETE",), "Users", 20, 30),
                Limit(("GET",), "Groups", 5, 30, single=False),
                Limit(("GET",), "Groups", 20, 30, single=True),
                Limit(("PATCH",), "Groups", 5, 30, larger=500),
                Limit(("PATCH",), "Groups", 100, 30),
            ),
        ),
        creates_groups=False,
    ),
}
"""The products, by the names of their tests."""
