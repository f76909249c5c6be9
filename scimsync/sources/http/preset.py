"""Presets: facts about the HTTP APIs of products, one TOML file each in `presets/`.

A preset is used by `preset = "NAME"` in `[sources.X]`. It has no code. All keys:

```toml
product = "Okta"                          # name of the product
url = "https://{org}"                     # base URL, perhaps with a path; omit it for a product
                                          # that customers run themselves: sync.toml gives `url`
authentication = "a token (`bearer`)"     # the next three are for docs/reference/presets.md
leavers = "no longer listed"
unverified = ["…"]                        # facts from memory or from other people's code
notes = ["…"]                             # sentences for administrators: rights, traps
rate = { requests = 600, seconds = 60 }   # requests that the API takes in a period
concurrency = 4                           # calls at the same time in joins (default 4)

[[sources]]                               # where the facts were read
page = "https://…"
read = 2026-11-29
version = "…"                             # optional; verified = true if seen at the product itself

[variables.org]                           # {org} in url, path, params, headers, body, [auth.*].
                                          # {url} is the base URL itself
description = "Domain of the organization"
example = "example.okta.com"
default = "…"                             # optional; without it sync.toml has to give
                                          # variables = { org = "…" }

[auth.oauth2]                             # defaults for keys of `auth` with this type, which
token_url = "{url}/oauth2/v1/token"       # sync.toml may override
scope = "okta.users.read"

[headers]                                 # sent with each request, on every page
Accept = "application/json"

[[limits]]                                # "slower": 429, and 503 with Retry-After, always count
status = 403                              # conditions (all have to hold): status (number or list),
body = "error.errors[?reason == 'rateLimitExceeded']"  # body: JMESPath that is true (not empty)
header = { X-Rate-Limit-Remaining = "0" }              # header: name = value, or "*" for any
wait = "retry_after"                      # backoff, retry_after (default), reset_epoch:HEADER,
                                          # reset_date:HEADER, body_seconds:JMESPATH, seconds:30;
                                          # without the header or value: a growing random wait
[[errors]]                                # a failure whatever its status, such as 200 with ok:false
body = "ok == `false`"                    # conditions as above
text = "error"                            # JMESPath of what the server says (optional)
hint = "add the scope users:read"         # what the administrator can do (optional)

[[resync]]                                # read the list again from its beginning (an expired
status = 410                              # token); conditions as above

[resources.users]                         # what `resource = "users"` reads. The first one is the
                                          # default
path = "/api/v1/users"                    # below url
method = "GET"                            # or POST with `body`
params = { limit = 200 }                  # query; a list repeats its name
body = { query = "…" }                    # JSON body of a POST
format = "json"                           # or csv (with a header line; `records` is not used)
records = "@"                             # JMESPath of the list in the response
absent_is_empty = false                   # true: an object without the list may be an empty page
where = "type == 'USER'"                  # keep only these records; not in `records`, because pages
                                          # are counted before
truncated = "result.truncated"            # JMESPath that is true if the server cut the list
hidden = "_restrictedFields"              # JMESPath over a record: fields that are withheld

[resources.users.paging]
kind = "link_header"                      # body_token, body_url, body_relative_url, link_header,
                                          # header_token, page, offset, last_id, none
in = "query.pageToken"                    # where the token, page, offset, or last id goes:
                                          # query.NAME, body.a.b or header.NAME
out = "nextPageToken"                     # JMESPath over the body (body_token, body_url); a header
                                          # (header_token); rel of the Link header (default "next");
                                          # last_id: JMESPath over the last record
start = 0                                 # first page (default 1), offset (0), or first token
step = "received"                         # an offset grows by the records received, or by "size"
end = ["absent"]                          # absent, empty_string, zero (of `out`); empty_page,
                                          # short_page (only if the vendor promises it), total,
                                          # status:204. Default: absent and empty_string where there
                                          # is `out`, empty_page for page, offset and last_id
size = { in = "query.limit", max = 200 }  # `use` requests fewer
total = "totalCount"                      # JMESPath, or header.X-Total-Count: the list has to have
                                          # exactly as many records (before `where`)
total_may_be_missing = false              # true: some servers send none, and then none is checked
first_only = ["limit"]                    # parameters that only the first request has

[[resources.users.reads]]                 # several reads that make the list together; the one for
params = { filter = 'status eq "DEPROVISIONED"' }  # leavers first, since a user who comes back
                                          # meanwhile is then in both, and not in none. The plain
                                          # one has params = {}

[resources.users.fields]                  # requests only the fields of used columns
in = "query.fields"
join = ","                                # "" for a list of values
always = ["id"]

[resources.users.columns]                 # flat names -> JMESPath over a record (`expressions` has
id = "id"                                 # further functions: dates, name/value lists)
login = "profile.login"
active = "status != 'DEPROVISIONED' && status != 'SUSPENDED'"
manager = { path = "manager.id", params = { "$expand" = "manager" } }   # sent if the column is used
email = { path = "profile.email", filled = "50%", hint = "needs the scope users:read.email" }
#         `fields = […]` names what to request; default: the members that path reads. `filled` says
#         how many records must have a value, or else the source is unreadable

[[resources.users.probes]]                # calls that show whether the credentials see everyone
path = "/users/count"
count = "@"                               # JMESPath: with fewer records, it is incomplete
expect = "scopes[?@ == 'read']"           # JMESPath that is true if it passes
hint = "grant the role view-users"

[[resources.groups.joins]]                # one call for each record: {…} is JMESPath over it
into = "members"                          # member of the record for `columns`; made only if a used
path = "/groups/{id}/members"             # column reads it
params = { limit = 200 }                  # also method, body, records, where, paging, … as above
when = "type == 'OKTA_GROUP'"             # only for these records (optional)
one = false                               # true: `records` is one object
absent = [404]                            # statuses that mean that there is nothing (optional)

[[resources.users.joins]]                 # a second list, read once
into = "worker"
path = "/workers"
on = "id"                                 # JMESPath over this record
key = "user_id"                           # JMESPath over the other record
many = false                              # true: a list of all that fit

[resources.users.delta]                   # a call that brings all records, and then what changed;
path = "/users/delta"                     # used if sync.toml says delta = true
params = {}                               # also method, body, records, paging, … as above; what
                                          # `fields` asks for is asked for here too
headers = {}                              # in place of [headers]
link = '"@odata.deltaLink"'               # JMESPath: the URL of later changes, on the last page
removed = '"@removed"'                    # JMESPath over a record: true if it is gone
id = "id"                                 # the member that identifies a record
complete = ["userPrincipalName"]          # members that each whole record has (optional)
```

Paths, `records`, `paging` and so on of a join and of `delta` are their own: nothing is taken over
from the list. A column of a boolean `active` states the rule for leavers; records of leavers should
be in the list where the API can show them.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any, Final

from pydantic import Field, model_validator

from scimsync.settings import Name, Table, Text, invalid
from scimsync.sources.http.api import Api
from scimsync.sources.http.calls import ListCall
from scimsync.sources.http.delta_feed import DeltaFeed

_VARIABLE = re.compile(r"\{([a-z_][a-z0-9_]*)\}")


class PresetSource(Table):
    """Where facts of a preset were read, and when."""

    page: Text
    read: date
    version: str = ""
    verified: bool = False


class Variable(Table):
    """A part of a preset that differs between customers."""

    description: Text
    example: str = ""
    default: str | None = None


class Resource(ListCall):
    """A list that the API offers, such as its users."""

    path: Text = Field(description="Path below the base URL")
    delta: DeltaFeed | None = Field(None, description="How it lists what changed")


class Preset(Api):
    """The facts about one API; the docstring of the module describes the format."""

    product: Text
    url: Text | None = None
    sources: list[PresetSource] = Field(min_length=1)
    authentication: Text
    leavers: Text
    unverified: list[Text] = Field(default_factory=list)
    notes: list[Text] = Field(default_factory=list)
    variables: Mapping[Name, Variable] = Field(default_factory=dict)
    auth: Mapping[str, Mapping[str, Any]] = Field(default_factory=dict)
    resources: Mapping[Name, Resource] = Field(min_length=1)

    @model_validator(mode="after")
    def _known_variables(self) -> Preset:
        named = set(_VARIABLE.findall(self.url or ""))
        for resource in self.resources.values():
            named |= set(_VARIABLE.findall(resource.path))
        if unknown := sorted(named - set(self.variables) - {"url"}):
            raise invalid(f"{{{unknown[0]}}} is not in variables", code="SYNC-0270")
        return self


_FOLDER: Final = files(__package__).joinpath("presets")

PRESETS: Final = tuple(
    sorted(
        file.name.removesuffix(".toml") for file in _FOLDER.iterdir() if file.name.endswith(".toml")
    )
)
"""The names of all presets."""


@cache
def preset(name: str) -> Preset:
    """Return the preset called `name`, one of PRESETS. Raise ValidationError for a wrong one."""
    return read_preset(_FOLDER.joinpath(f"{name}.toml").read_text("utf-8"))


def read_preset(text: str) -> Preset:
    """Return the preset in a TOML text. Raise ValidationError, or TOMLDecodeError."""
    return Preset.model_validate(tomllib.loads(text))


def substituted(value: Any, variables: Mapping[str, str]) -> Any:
    """Return `value` with the values of variables in all its texts, for each `{name}`."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda found: variables.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {name: substituted(item, variables) for name, item in value.items()}
    if isinstance(value, list):
        return [substituted(item, variables) for item in value]
    return value
