"""Send a request to find out what a web service returns: SCIM, JSON, or CSV."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from scimsync.builtin import parse
from scimsync.cli.commands.init.other_source import stub
from scimsync.cli.ui.set_options import Options
from scimsync.errors import ConfigError, ScimsyncError, SourceUnavailable
from scimsync.run.compile import source_spec
from scimsync.sources.remote import open_connection, run_apart
from scimsync.transport.request_errors import RequestError

if TYPE_CHECKING:
    from scimsync.sources.base import SourceSpec
    from scimsync.transport.http import HttpResponse

_ACCEPT: Final = "application/json, application/scim+json, text/csv;q=0.9, */*;q=0.1"
_REFUSALS: Final = (401, 403)
_SCIM: Final = "urn:ietf:params:scim:"
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_BEARER: Final = "--set auth.type=bearer --set auth.token=env:NAME"
_DEEPEST: Final = 3
"""How many levels of objects in a response are searched for a list."""

_NAME: Final = "url"
"""The name of the source while its kind is unknown."""


@dataclass(frozen=True, slots=True)
class FoundSource:
    """The kind and the options of the source at a URL, with a note for the user."""

    kind: str
    options: Options
    note: str


def source_at(url: str, given: Options, out: Path) -> FoundSource:
    """Ask the server at `url`, with `auth`, `headers`, and `timeout` of the options `given`.

    `out` is the path of the new sync.toml. Raise SourceUnavailable if there is no response, and
    ConfigError if the response does not show the kind, or for options that cannot be used.
    """
    asked: Options = {name: given[name] for name in ("auth", "headers", "timeout") if name in given}
    config = parse(stub(_NAME, {"type": "http", "url": url, **asked}, None), out)
    spec = source_spec(config, _NAME)
    try:
        response, is_scim = run_apart(_ask(spec))
    except RequestError as error:
        raise SourceUnavailable(
            f"{url}: {error}",
            hint="add --type to write a sync.toml without a request",
            code="SYNC-0265",
        ) from None
    if is_scim:
        return FoundSource("scim", {"url": url}, f'{url} is a SCIM service: type = "scim"')
    if response.status >= 400:
        raise _refused(url, response, with_credentials="auth" in asked)
    return _described(url, response)


async def _ask(spec: SourceSpec[Any]) -> tuple[HttpResponse, bool]:
    """Return the response to a GET, and whether the URL is the base URL of a SCIM service."""
    place = spec.settings.resolved().place
    headers = {**place.headers, "Accept": _ACCEPT}
    connection = open_connection(spec, place.origin)
    try:
        response = await connection.send("GET", place.path, headers=headers)
        body = _json(response)
        has_list = response.status < 400 and (_list_in(body) or _is_csv(response))
        if has_list and not _is_of_scim(body):  # the base URL of SCIM may list all resources
            return response, False
        base = place.path.partition("?")[0].rstrip("/")
        service = await connection.send("GET", f"{base}/ServiceProviderConfig", headers=headers)
        if service.status in _REFUSALS and not has_list:
            return service, False
        return response, service.status < 400 and _is_of_scim(_json(service))
    finally:
        await connection.aclose()


def _is_of_scim(body: Any) -> bool:
    """Return whether a body is a resource or a message of SCIM."""
    schemas = body.get("schemas") if isinstance(body, dict) else None
    return isinstance(schemas, list) and any(str(one).startswith(_SCIM) for one in schemas)


def _refused(url: str, response: HttpResponse, *, with_credentials: bool) -> ScimsyncError:
    if response.status in _REFUSALS:
        what = "refuses these credentials" if with_credentials else "asks for credentials"
        add = "check --set auth" if with_credentials else f"add {_BEARER}"
        return ConfigError(
            f"{url}: status {response.status}: the server {what}",
            hint=f"{add}, or name the kind of source with --type to send no request",
            code="SYNC-0915",
        )
    return ConfigError(
        f"{url}: status {response.status}, and there is no SCIM service below it",
        hint="name the URL of a list or the base URL of a SCIM service, or add --type",
        code="SYNC-0915",
    )


def _described(url: str, response: HttpResponse) -> FoundSource:
    """Return the source whose list is in a response."""
    if _is_csv(response):
        options: Options = {"url": url, "format": "csv"}
        return FoundSource("http", options, f'{url} answers with CSV: type = "http"')
    records = _list_in(_json(response))
    if records is None:
        what = _media_type(response) or "no content type"
        raise ConfigError(
            f"{url}: the response ({what}) is neither JSON with a list of records nor CSV",
            hint="name the URL of a list, or add --type",
            code="SYNC-0915",
        )
    place = "" if records == "@" else f', records = "{records}"'
    note = (
        f'{url} answers with JSON: type = "http"{place}. If the list has several pages, describe'
        " them with paging: see docs/reference/http-sources.md."
    )
    found = {"url": url} | ({} if records == "@" else {"records": records})
    return FoundSource("http", found, note)


def _media_type(response: HttpResponse) -> str:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_csv(response: HttpResponse) -> bool:
    """Return whether a response is CSV, by its content type or its first line."""
    media_type = _media_type(response)
    if media_type in ("text/csv", "application/csv"):
        return True
    first = response.content.removeprefix(_BYTE_ORDER_MARK).partition(b"\n")[0].strip()
    is_text = media_type in ("", "text/plain", "application/octet-stream")
    return is_text and b"," in first and first[:1] not in b"<{["


def _json(response: HttpResponse) -> Any:
    try:
        return orjson.loads(response.content.removeprefix(_BYTE_ORDER_MARK))
    except orjson.JSONDecodeError:
        return None


def _list_in(body: Any) -> str | None:
    """Return the JMESPath of the longest list of objects in a body, None if there is none."""
    lists = sorted(_lists(body, ()), key=lambda one: one[0], reverse=True)
    if not lists:
        return None
    return ".".join(map(_identifier, lists[0][1])) or "@"


def _lists(value: Any, path: tuple[str, ...]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Yield the length and the path of each list of objects, outer lists first."""
    if isinstance(value, list):
        if value and all(isinstance(one, dict) for one in value):
            yield len(value), path
    elif isinstance(value, Mapping) and len(path) < _DEEPEST:
        for name, one in value.items():
            yield from _lists(one, (*path, name))


def _identifier(name: str) -> str:
    """Return a name as JMESPath writes it."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else orjson.dumps(name).decode()
