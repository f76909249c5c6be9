"""Which server `scimsync probe` talks to: a target of sync.toml, or a URL."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from scimsync.builtin import load, parse
from scimsync.cli.ui.set_options import Options, with_settings
from scimsync.config.models import Config
from scimsync.errors import ConfigError, coded
from scimsync.probe.server import Origin
from scimsync.targets.sender import open_authenticator, options_of
from scimsync.tomltext import toml_value
from scimsync.transport.request_errors import BaseUrlError

_NAME = "app"
"""The name of the target in the sync.toml that options stand for."""


@dataclass(frozen=True, slots=True)
class ServerToProbe:
    """The server, the folder of the ledgers, and the configuration that describes it."""

    origin: Origin
    folder: Path
    config: Config


def server_to_probe(
    where: str,
    config: Path,
    token: str | None,
    settings: Sequence[str],
    environment: Mapping[str, str] = os.environ,
) -> ServerToProbe:
    """Return the server that `where` names: a target of the file `config`, or the server at a URL.

    `token` is the reference of `--token`, and `settings` those of `--set`. Raise UsageError for
    options that cannot be combined, and ConfigError or SecretError for what they contain.
    """
    if "://" in where:
        return _at_url(where, token, settings, environment)
    if token is not None or settings:
        problem = "--token and --set need a URL; a target has its auth in sync.toml"
        raise click.UsageError(coded(problem, "SYNC-0960"))
    return _target(load(config), where)


def _target(config: Config, name: str) -> ServerToProbe:
    if name not in config.targets:
        raise config.unknown_target(name)
    target = config.targets[name]
    if target.type != "scim":
        raise ConfigError(
            f'{config.where("targets", name)}: type = "{target.type}" has no SCIM API to probe',
            code="SYNC-0961",
        )
    return ServerToProbe(_origin(config, name), config.state_dir, config)


def _at_url(
    url: str, token: str | None, settings: Sequence[str], environment: Mapping[str, str]
) -> ServerToProbe:
    """Return the server at `url`, by way of the sync.toml that the options stand for."""
    options: Options = {} if token is None else {"auth": {"token": token}}
    options = with_settings(options, settings, "SYNC-0960", "auth.type=basic")
    auth = options.pop("auth", None)
    if isinstance(auth, dict):
        auth.setdefault("type", "bearer")
    # without credentials: a reference that is never read
    options |= {"url": url, "auth": auth or {"type": "bearer", "token": "env:NONE"}}
    try:
        config = parse(_sync_toml(options), Path("--set").absolute())
        origin = _origin(config, _NAME, anonymous=auth is None)
    except ConfigError as error:
        error.message = _as_written(error.message, token)
        error.details = tuple(_as_written(line, token) for line in error.details)
        raise
    return ServerToProbe(origin, _state_folder(environment), config)


def _as_written(message: str, token: str | None) -> str:
    """Return a message about the sync.toml that options stand for as one about the options."""
    credentials = "--set auth" if token is None else "--token"
    for start, written in (
        (f"--set: targets.{_NAME}.url: ", "URL: "),
        (f"--set: targets.{_NAME}: ", f"{credentials}: "),
        (f"--set: targets.{_NAME}.auth.token: ", f"{credentials}: "),
        (f"--set: targets.{_NAME}.", "--set "),
    ):
        if message.startswith(start):
            return written + message.removeprefix(start)
    return message


def _sync_toml(options: Options) -> str:
    lines = [f"{name} = {toml_value(value)}" for name, value in options.items()]
    source = ["[sources.none]", 'type = "file"', 'path = "none.csv"', 'key = "id"']
    user = [f"[targets.{_NAME}.user]", 'userName = "id"']
    return "\n".join([*source, f"[targets.{_NAME}]", *lines, *user])


def _origin(config: Config, name: str, *, anonymous: bool = False) -> Origin:
    authenticator = None if anonymous else open_authenticator(config, name)[0]
    options = options_of(config, name)
    origin = Origin(config.targets[name].url, authenticator, options)
    try:
        options.ssl_context()
        origin.check()
    except (ValueError, BaseUrlError) as error:
        where = config.where("targets", name)
        raise ConfigError(f"{where}: {error}", code="SYNC-0120") from None
    return origin


def _state_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder for the state of this user (XDG Base Directory Specification 0.8)."""
    base = environment.get("XDG_STATE_HOME", "")
    folder = Path(base) if base.startswith("/") else Path.home() / ".local" / "state"
    return folder / "scimsync"
