"""What is wrong in `[sources.NAME]` with `type = "http"` or `type = "scim"`, in words."""

from __future__ import annotations

import pytest

from scimsync.errors import ConfigError
from tests.http_sources import spec_of

URL = 'url = "https://hr.example.com/people"\n'
ENTRA = 'preset = "entra"\nvariables = { tenant = "example.com" }\n'
COLUMNS = 'columns = { id = "id" }\n'
FEED = 'delta = { path = "/changes", link = "link", removed = "gone" }\n'
OKTA = 'preset = "okta"\nvariables = { org = "example.okta.com" }\n'


@pytest.mark.parametrize(
    ("table", "message", "code"),
    [
        ("", "sources.staff: url is missing", "SYNC-0107"),
        ('url = "http://hr.example.com/p"', "must begin with https://", "SYNC-0120"),
        ('url = "https://a:b@hr.example.com/p"', "must not contain a user", "SYNC-0120"),
        (URL + 'resource = "users"', "resource needs preset", "SYNC-0270"),
        (URL + 'records = "a["', '"a[" is not a JMESPath expression', "SYNC-0271"),
        (URL + "delta = true", "delta = true needs preset", "SYNC-0271"),
        (
            OKTA + "delta = true",
            "the preset okta has no list of changes for this resource",
            "SYNC-0270",
        ),
        (ENTRA + 'resource = "groups"\ndelta = true', "has no list of changes", "SYNC-0270"),
        (ENTRA + FEED, "the preset describes how the API lists changes", "SYNC-0270"),
        (
            ENTRA + 'delta = true\nparams = { "$filter" = "x" }',
            "delta cannot be used with params",
            "SYNC-0270",
        ),
        (URL + FEED, "sources.staff.delta: delta needs columns", "SYNC-0271"),
        (URL + "conditional = true", "conditional needs columns", "SYNC-0271"),
        (
            URL + 'whole_every = "1d"',
            "sources.staff.whole_every: whole_every needs delta or conditional",
            "SYNC-0271",
        ),
        (
            URL + COLUMNS + FEED + "\nconditional = true",
            "delta already reads only the changes",
            "SYNC-0271",
        ),
        (
            URL + COLUMNS + 'conditional = true\nmethod = "POST"',
            "a list of one page: it is read by POST",
            "SYNC-0271",
        ),
        (
            URL + COLUMNS + 'conditional = true\npaging = { kind = "link_header" }',
            'its paging is "link_header"',
            "SYNC-0271",
        ),
        (
            URL + COLUMNS + "conditional = true\nreads = [{}, {}]",
            "it consists of several reads",
            "SYNC-0271",
        ),
        (
            URL + COLUMNS + 'conditional = true\njoins = [{ into = "m", path = "/{id}" }]',
            "its joins are separate calls",
            "SYNC-0271",
        ),
        (
            URL + 'paging = { kind = "pages" }',
            "sources.staff.paging.kind: must be 'none', 'body_token'",
            "SYNC-0112",
        ),
        (
            URL + 'paging = { kind = "page" }',
            'sources.staff.paging: kind = "page" needs in',
            "SYNC-0271",
        ),
        (
            URL + 'paging = { kind = "body_token", in = "query.t" }',
            'kind = "body_token" needs out',
            "SYNC-0271",
        ),
        (
            URL + 'paging = { kind = "page", in = "page" }',
            'sources.staff.paging.in: "page" is not a place in a request',
            "SYNC-0271",
        ),
        (
            URL + 'paging = { kind = "page", in = "query.p", end = "last" }',
            'sources.staff.paging.end: "last" is not the end of a list',
            "SYNC-0271",
        ),
        (
            URL + 'paging = { kind = "page", in = "query.p", end = "short_page" }',
            'end = "short_page" needs size',
            "SYNC-0271",
        ),
        (
            URL + 'paging = { kind = "page", in = "query.p", end = "total" }',
            'end = "total" needs total',
            "SYNC-0271",
        ),
        (
            URL + 'paging = { kind = "page", in = "query.p", start = "x" }',
            "start must be a number",
            "SYNC-0271",
        ),
        (
            URL + 'paging = { kind = "page", inn = "query.p" }',
            "sources.staff.paging.inn: unknown key",
            "SYNC-0106",
        ),
        (URL + 'limits = [{ wait = "soon" }]', '"soon" is not a wait', "SYNC-0271"),
        (URL + 'errors = [{ text = "error" }]', "needs one of status, body and", "SYNC-0271"),
        (URL + 'headers = { "a b" = "c" }', "is not the name of an HTTP header", "SYNC-0271"),
        (URL + 'probes = [{ path = "/x" }]', "needs count or expect", "SYNC-0271"),
        (
            URL + 'joins = [{ into = "x", path = "/x", on = "id" }]',
            "on and key must be used together",
            "SYNC-0271",
        ),
        (
            URL + 'joins = [{ into = "x", path = "/x", on = "id", key = "id", one = true }]',
            "are for calls for each record",
            "SYNC-0271",
        ),
        (
            URL + 'columns = { id = { path = "id", fild = ["x"] } }',
            "sources.staff.columns.id.fild: unknown key",
            "SYNC-0106",
        ),
        (URL + "auth = { token = 'env:X' }", "sources.staff.auth: type is missing", "SYNC-0107"),
        ('preset = "octa"', 'sources.staff.preset: preset "octa" is unknown', "SYNC-0270"),
        ('preset = "okta"', "sources.staff.variables: the preset needs org", "SYNC-0270"),
        (OKTA + 'records = "x"', "records comes from the preset", "SYNC-0270"),
        (OKTA + 'resource = "user"', 'Okta has no resource "user"', "SYNC-0270"),
        (
            'preset = "okta"\nvariables = { orgg = "x" }',
            "sources.staff.variables.orgg: unknown variable",
            "SYNC-0270",
        ),
        (
            'preset = "okta"\nvariables = { org = "a b" }',
            "sources.staff.variables: this is not a URL",
            "SYNC-0270",
        ),
    ],
)
def test_a_wrong_http_source(table: str, message: str, code: str) -> None:
    with pytest.raises(ConfigError) as caught:
        spec_of(f'type = "http"\nkey = "id"\n{table}')
    assert message in str(caught.value)
    assert code in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "url is missing"),
        ('url = "http://id.example.com"', "must begin with https://"),
        ('url = "https://id.example.com"\nresource = "Roles"', "must be 'Users' or 'Groups'"),
        ('url = "https://id.example.com"\npage_size = 0', "must be at least 1"),
        ('url = "https://id.example.com"\nfilter = "active"', "is not a SCIM filter"),
    ],
)
def test_a_wrong_scim_source(table: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        spec_of(f'type = "scim"\nkey = "id"\n{table}')
    assert message in str(caught.value)


def test_the_defaults_of_a_preset_are_used_and_can_be_replaced() -> None:
    auth = 'auth = { type = "oauth2", client_id = "c", private_key = "env:K"'
    settings = spec_of(f'type = "http"\nkey = "id"\n{OKTA}{auth} }}').settings
    assert settings.auth.token_url == "https://example.okta.com/oauth2/v1/token"
    other = 'scope = "okta.users.read"'
    settings = spec_of(f'type = "http"\nkey = "id"\n{OKTA}{auth}, {other} }}').settings
    assert settings.auth.scope == "okta.users.read"


def test_parameters_and_columns_are_added_to_those_of_the_preset() -> None:
    more = 'params = { search = "x" }\ncolumns = { nick = "profile.nickName" }'
    found = spec_of(f'type = "http"\nkey = "id"\n{OKTA}{more}').settings.resolved()
    assert found.call.params["search"] == "x"
    assert {"id", "nick"} < set(found.call.columns)
    assert found.place.origin == "https://example.okta.com"
