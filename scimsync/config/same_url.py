"""Targets of one url: they are at one application, and may have the same accounts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from urllib.parse import quote, unquote, urlsplit

from scimsync.config.models import Config

_PORTS = {"https": 443, "http": 80}


@cache
def normalized_url(url: str) -> str:
    """Return a base URL in the one form that all its spellings have in common.

    Scheme and host have no case, and the port of the scheme, a slash at the end, and the escapes of
    the path make no difference (RFC 3986 section 6.2).
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    port = parts.port or _PORTS.get(parts.scheme, 0)
    segments = parts.path.rstrip("/").split("/")
    path = "/".join(quote(unquote(one), safe=":@!$&'()*+,;=~") for one in segments)
    return f"{parts.scheme}://{host}:{port}{path}"


def at_same_url(config: Config, name: str) -> list[str]:
    """Return the other targets whose url is that of the target called `name`."""
    url = normalized_url(config.targets[name].url)
    return [
        other
        for other, settings in config.targets.items()
        if other != name and normalized_url(settings.url) == url
    ]


def at_same_service(config: Config, name: str) -> list[str]:
    """Return the other targets that have the url and the authentication of a target.

    With another token, the same url may lead to another tenant, whose ids mean other accounts.
    """
    auth = config.targets[name].auth
    return [other for other in at_same_url(config, name) if config.targets[other].auth == auth]


@dataclass(frozen=True, slots=True)
class SharedUrl:
    """The other targets at the url of a target, and what that means for it as text."""

    others: list[str]
    text: str


def shared_url(config: Config, name: str) -> SharedUrl | None:
    """Return with which targets a target shares its url, None if it is with none."""
    others = at_same_url(config, name)
    if not others:
        return None
    noun = "target" if len(others) == 1 else "targets"
    text = f"has the same url as the {noun} {', '.join(others)}"
    if set(others) - set(at_same_service(config, name)):
        text += ", with another authentication: is it another tenant?"
    return SharedUrl(others, text)
