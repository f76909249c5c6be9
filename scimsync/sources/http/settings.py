"""`[sources.NAME]` with `type = "http"`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from scimsync.model.suggestions import did_you_mean
from scimsync.settings import EndpointUrl, Text, invalid
from scimsync.settings.text_types import quoted
from scimsync.settings.urls import https_problem
from scimsync.sources.base import Source, SourceSpec
from scimsync.sources.http.api import Api
from scimsync.sources.http.calls import ListCall
from scimsync.sources.http.preset import PRESETS, Preset, preset, substituted
from scimsync.sources.remote_settings import RemoteSettings
from scimsync.sources.workspace import Workspace

if TYPE_CHECKING:
    from scimsync.sources.http.page_reader import Place

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
    """A list with everything that reading it takes: sync.toml and the preset together."""

    api: Api
    call: ListCall
    place: Place
    product: str


class HttpSettings(ListCall, Api, RemoteSettings):
    """`[sources.NAME]`: records of an HTTP API, by a preset or by its own description."""

    type: Literal["http"] = Field(description="Kind of source")
    preset: (
        Annotated[Text, AfterValidator(_preset), WithJsonSchema({"enum": list(PRESETS)})] | None
    ) = Field(None, description="The product whose API it is", examples=["okta"])
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

    @model_validator(mode="before")
    @classmethod
    def _auth_of_preset(cls, data: Any) -> Any:
        """Add what the preset knows about the authentication."""
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
        return self

    def _check_without_preset(self) -> None:
        if self.url is None:
            raise invalid(
                "url is missing",
                hint='write url = "https://…", or preset = "okta"',
                code="SYNC-0107",
            )
        for option in ("resource", "variables"):
            if option in self.model_fields_set:
                raise invalid(f"{option} goes with preset", below=(option,), code="SYNC-0270")

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
        if self.url is None and facts.url is None:
            raise invalid(
                f"url is missing: the base URL of {facts.product}",
                hint='write url = "https://…"',
                code="SYNC-0107",
            )
        problem = https_problem(self._base_url(facts))
        if problem is not None:
            raise invalid(problem, below=("variables",), code="SYNC-0270")

    def _base_url(self, facts: Preset) -> str:
        return _values(facts, self.variables, self.url)["url"]

    def resolved(self) -> ApiList:
        """Return the list with the facts of the preset."""
        from scimsync.sources.http.page_reader import Place

        if self.preset is None:
            origin, path = _split(self.url or "")
            headers = {"Accept": "text/csv" if self.format == "csv" else "application/json"}
            return ApiList(self, self, Place(origin, path, "", headers | self.headers), "")
        facts = preset(self.preset)
        values = _values(facts, self.variables, self.url)
        resource = facts.resources[self.resource or next(iter(facts.resources))]
        origin, path = _split(self._base_url(facts))
        base = path.rstrip("/")
        parts = resource.model_dump(
            by_alias=True,
            exclude_unset=True,
            include={"path", "params", "body", "reads", "joins", "probes"},
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
        place = Place(origin, base + call.path, base, {"Accept": "application/json"} | headers)
        return ApiList(api, call, place, facts.product)

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


def _split(url: str) -> tuple[str, str]:
    """Return the origin of a URL, and its path with the query."""
    parts = urlsplit(url)
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    return f"{parts.scheme}://{parts.netloc}", path
