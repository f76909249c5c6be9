"""Whether secrets are there, and are kept."""

from __future__ import annotations

import stat
from collections.abc import Iterator

from scimsync.cli.checking.findings import About, Finding
from scimsync.config import secrets
from scimsync.config.models import Config
from scimsync.errors import ConfigError


def check_secrets(config: Config, name: str) -> Iterator[Finding]:
    """Looks for the token of the target `name`; its value is shown nowhere."""
    about = About("target", name)
    token = config.targets[name].auth.token
    reference = token.get_secret_value()
    scheme, _, rest = reference.partition(":")
    try:
        secrets.resolve(token, config.base_dir, config.where("targets", name, "auth", "token"))
    except ConfigError as error:
        yield about.failed(error)
        return
    yield about.ok(
        "token from sync.toml itself" if scheme == "literal" else f"token from {scheme}:{rest}"
    )
    yield from check_kept(about, config, reference, "the token")


def check_kept(about: About, config: Config, reference: str, what: str) -> Iterator[Finding]:
    """Warns where others on this machine may read the file in which a secret stands."""
    scheme, _, rest = reference.partition(":")
    holder = {"literal": config.path, "file": config.base_dir / rest}.get(scheme)
    try:
        open_to_others = holder is not None and holder.stat().st_mode & (
            stat.S_IRGRP | stat.S_IROTH
        )
    except OSError:
        return
    if open_to_others:
        yield about.warning(
            f"{holder} holds {what}, and others on this machine may read it",
            hint=f"chmod 600 {holder}, or env:, keyring:, cmd:",
        )
