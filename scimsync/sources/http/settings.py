"""`[sources.NAME]` with `type = "http"`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from scimsync.model.did_you_mean import did_you_mean
from scimsync.settings import Duration, EndpointUrl, Text, invalid
from scimsync.settings.text_types import quoted
from scimsync.settings.urls import https_problem
from scimsync.sources.base import Source, SourceSpec
from scimsync.sources.http.api import Api
from scimsync.sources.http.calls import ListCall
from scimsync.sources.http.delta_feed import DeltaFeed
from scimsync.sources.http.preset import PRESETS, Preset, Resource, preset, substituted
from scimsync.sources.remote_settings import RemoteSettings
from scimsync.sources.workspace import Workspace

if TYPE_CHECKING:
    from scimsync.sources.http.page_reader import Place

_JSON: Final = {"Accept": "application/json"}

WHOLE_EVERY: Final = timedelta(days=7)
"""The default of `whole_every`."""

_WITH_PRESET = (
    "type",
    "key",
    "preset",
    "resource",
    "variables",
    "url",
    "auth",
    "params",
    "headers",
    "columns",
    "rate",
    "concurrency",
    "timeout",
    "delta",
    "conditional",
    "whole_every",
)
"""The options that a source with a preset may have; the preset has all others."""


def _preset(name: str) -> str:
    if name not in PRESETS:
        raise invalid(
            f"preset {quoted(name)} is unknown",
            found=f"known: {', '.join(PRESETS)}",
            hint=did_you_mean(name, PRESETS),
            code="SYNC-0270",
        )
    return name


@dataclass(frozen=True, slots=True)
class ApiList:
    """A list, with all settings that are needed to read it, from sync.toml and the preset.

    `feed` lists what changed, if it is used; `feed_headers` are those of its requests.
    """

    api: Api
    call: ListCall
    place: Place
    product: str
    feed: DeltaFeed | None = None
    feed_headers: Mapping[str, str] = field(default_factory=dict)


class HttpSettings(ListCall, Api, RemoteSettings):
    """`[sources.NAME]`: records of an HTTP API, by a preset or by its own description."""

    type: Literal["http"] = Field(description="Kind of source")
    preset: (
        Annotated[Text, AfterValidator(_preset), WithJsonSchema({"enum": list(PRESETS)})] | None
    ) = Field(None, description="The product that the API belongs to", examples=["okta"])
    resource: Text | None = Field(
        None, description="Which of the lists of a preset is read; its first one if omitted"
    )
    variables: Mapping[Text, Text] = Field(
        default_factory=dict,
        description="What a preset needs to know, such as the name of the organization",
        examples=[{"org": "example.okta.com"}],
    )
    url: EndpointUrl | None = Field(
        None,
        description=(
            "The address of the list; with a preset the base URL, if customers run the product"
        ),
        examples=["https://hr.example.com/api/people"],
    )

    delta: Literal[True] | DeltaFeed | None = Field(
        None,
        description=(
            "Read only what changed since the last read: true with a preset, or else a table that"
            " describes how the API lists changes"
        ),
    )
    conditional: bool = Field(
        False,
        description="Whether to download the list only if its ETag or Last-Modified changed",
    )
    whole_every: Duration | None = Field(
        None,
        description=(
            "With delta or conditional: how often to read everything anyway; 7d if omitted"
        ),
        examples=["1d"],
    )

    @model_validator(mode="before")
    @classmethod
    def _auth_of_preset(cls, data: Any) -> Any:
        """Add the preset's facts about the authentication."""
        if not isinstance(data, dict):
            return data
        name, auth = data.get("preset"), data.get("auth")
        if name not in PRESETS or not isinstance(auth, dict):
            return data
        facts = preset(name)
        known = facts.auth.get(str(auth.get("type")), {})
        given, url = data.get("variables"), data.get("url")
        values = _values(facts, given if isinstance(given, dict) else {}, url)
        return {**data, "auth": {**substituted(known, values), **auth}}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.preset is None:
            self._check_without_preset()
        else:
            self._check_with_preset(preset(self.preset))
        self._check_kept_reads()
        return self

    def _check_kept_reads(self) -> None:
        """Raise an error for options that read less than everything, where that is not possible."""
        self._check_delta()
        feed = self.delta
        if self.whole_every is not None and not (feed or self.conditional):
            raise invalid(
                "whole_every needs delta or conditional",
                below=("whole_every",),
                code="SYNC-0271",
            )
        if not (feed or self.conditional):
            return
        option = "delta" if feed else "conditional"
        call = self._call()
        if not call.columns:
            raise invalid(
                f"{option} needs columns",
                hint="write columns, so that scimsync keeps no others",
                below=(option,),
                code="SYNC-0271",
            )
        if self.conditional and (reason := _why_unconditional(call, feed is not None)):
            raise invalid(
                f"conditional works only for a list of one page: {reason}",
                below=("conditional",),
                code="SYNC-0271",
            )

    def _check_delta(self) -> None:
        feed = self.delta
        if feed is True and self.preset is None:
            raise invalid(
                "delta = true needs preset",
                hint="write a table [sources.NAME.delta] that describes how the API lists changes",
                below=("delta",),
                code="SYNC-0271",
            )
        if feed is True and not self._has_feed(preset(str(self.preset))):
            raise invalid(
                f"the preset {self.preset} has no list of changes for this resource",
                found=f"lists with changes: {', '.join(_with_feeds()) or 'none'}",
                hint="remove delta, to read the whole list each time",
                below=("delta",),
                code="SYNC-0270",
            )
        if isinstance(feed, DeltaFeed) and self.preset is not None:
            raise invalid(
                "the preset describes how the API lists changes",
                hint="write delta = true",
                below=("delta",),
                code="SYNC-0270",
            )
        if feed is True and self.params:
            raise invalid(
                "delta cannot be used with params",
                hint="remove delta or params: the changes are not limited to what params select",
                below=("delta",),
                code="SYNC-0270",
            )

    def _has_feed(self, facts: Preset) -> bool:
        return self._resource(facts).delta is not None

    def _resource(self, facts: Preset) -> Resource:
        return facts.resources[self.resource or next(iter(facts.resources))]

    def _call(self) -> ListCall:
        return self if self.preset is None else self._resource(preset(self.preset))

    def whole_read_every(self, used: Collection[str] | None = None) -> timedelta | None:
        """Return how often everything is read; see `SourceSettings.whole_read_every`."""
        from scimsync.sources.http.response_columns import Columns

        if self.delta is None and not self.conditional:
            return None
        if self.delta and used is not None and Columns(self.resolved().call, used).need_the_list:
            return None
        return self.whole_every or WHOLE_EVERY

    def _check_without_preset(self) -> None:
        if self.url is None:
            raise invalid(
                "url is missing",
                hint='write url = "https://…", or preset = "okta"',
                code="SYNC-0107",
            )
        for option in ("resource", "variables"):
            if option in self.model_fields_set:
                raise invalid(f"{option} needs preset", below=(option,), code="SYNC-0270")

    def _check_with_preset(self, facts: Preset) -> None:
        for option in self.model_fields_set:
            if option not in _WITH_PRESET:
                raise invalid(
                    f"{option} comes from the preset",
                    below=(option,),
                    hint="remove it, or describe the API without preset",
                    code="SYNC-0270",
                )
        if self.resource is not None and self.resource not in facts.resources:
            raise invalid(
                f"{facts.product} has no resource {quoted(self.resource)}",
                found=f"known: {', '.join(facts.resources)}",
                hint=did_you_mean(self.resource, facts.resources),
                below=("resource",),
                code="SYNC-0270",
            )
        self._check_variables(facts)
        if self.url is None and facts.url is None:
            raise invalid(
                f"url is missing: the base URL of {facts.product}",
                hint='write url = "https://…"',
                code="SYNC-0107",
            )
        problem = https_problem(self._base_url(facts))
        if problem is not None:
            raise invalid(problem, below=("variables",), code="SYNC-0270")

    def _check_variables(self, facts: Preset) -> None:
        for name in self.variables:
            if name not in facts.variables:
                raise invalid(
                    "unknown variable",
                    found=f"known here: {', '.join(facts.variables) or 'none'}",
                    hint=did_you_mean(name, facts.variables),
                    below=("variables", name),
                    code="SYNC-0270",
                )
        for name, variable in facts.variables.items():
            needed = variable.default is None and not (self.url and name in str(facts.url))
            if needed and name not in self.variables:
                raise invalid(
                    f"the preset needs {name}: {variable.description}",
                    hint=f'write variables = {{ {name} = "{variable.example or "…"}" }}',
                    below=("variables",),
                    code="SYNC-0270",
                )

    def _base_url(self, facts: Preset) -> str:
        return _values(facts, self.variables, self.url)["url"]

    def resolved(self) -> ApiList:
        """Return the list with the facts of the preset."""
        from scimsync.sources.http.page_reader import Place

        if self.preset is None:
            origin, path = _split(self.url or "")
            headers = {"Accept": "text/csv" if self.format == "csv" else "application/json"}
            place = Place(origin, path, "", headers | self.headers)
            if not isinstance(self.delta, DeltaFeed):
                return ApiList(self, self, place, "")
            of_feed = _JSON | self.headers | self.delta.headers
            return ApiList(self, self, place, "", self.delta, of_feed)
        facts = preset(self.preset)
        values = _values(facts, self.variables, self.url)
        resource = self._resource(facts)
        origin, path = _split(self._base_url(facts))
        base = path.rstrip("/")
        parts = resource.model_dump(
            by_alias=True,
            exclude_unset=True,
            include={"path", "params", "body", "reads", "joins", "probes", "delta"},
        )
        filled_in = resource.model_validate(substituted(parts, values))
        call = resource.model_copy(update={name: getattr(filled_in, name) for name in parts})
        call = call.model_copy(
            update={
                "params": {**call.params, **self.params},
                "columns": {**call.columns, **self.columns},
            }
        )
        api = facts.model_copy(
            update={
                "rate": self.rate or facts.rate,
                "concurrency": self.concurrency or facts.concurrency,
            }
        )
        headers = substituted(facts.headers, values) | self.headers
        place = Place(origin, base + call.path, base, _JSON | headers)
        if not self.delta or call.delta is None:
            return ApiList(api, call, place, facts.product)
        of_feed = _JSON | call.delta.headers | self.headers
        return ApiList(api, call, place, facts.product, call.delta, of_feed)

    def open(self, spec: SourceSpec[HttpSettings], workspace: Workspace) -> Source:
        """Send nothing yet: the records are read when they are first needed."""
        from scimsync.sources.http.source import HttpSource

        return HttpSource(spec, workspace)


def _values(facts: Preset, given: Mapping[str, str], url: object) -> dict[str, str]:
    """Return the values of the variables of a preset, and `url`, the base URL."""
    values = {
        name: variable.default
        for name, variable in facts.variables.items()
        if variable.default is not None
    }
    values |= {name: value for name, value in given.items() if isinstance(value, str)}
    base = url if isinstance(url, str) else substituted(facts.url or "", values)
    return {**values, "url": base.rstrip("/")}


def _with_feeds() -> list[str]:
    return [
        f"{name} {resource}"
        for name in PRESETS
        for resource, facts in preset(name).resources.items()
        if facts.delta is not None
    ]


def _why_unconditional(call: ListCall, has_feed: bool) -> str | None:
    """Return why status 304 would not mean that the whole list is unchanged, or None."""
    if has_feed:
        return "delta already reads only the changes"
    if call.method != "GET":
        return "it is read by POST"
    if call.paging.kind != "none":
        return f'its paging is "{call.paging.kind}"'
    if len(call.reads) > 1:
        return "it consists of several reads"
    if call.joins:
        return "its joins are separate calls"
    return None


def _split(url: str) -> tuple[str, str]:
    """Return the origin of a URL, and its path with the query."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    return f"{parts.scheme}://{parts.netloc}", path
