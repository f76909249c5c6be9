"""Load sync.toml with the built-in sources, dialects, profiles and other kinds of this version."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from scimsync import config
from scimsync.config import Config
from scimsync.config.registries import Registries
from scimsync.daemon.channels import CHANNELS
from scimsync.scim.dialects import DIALECTS
from scimsync.scim.profiles import PROFILES
from scimsync.sources.kinds import SOURCES
from scimsync.targets.adapters import TARGET_TYPES
from scimsync.transport.auth import AUTHENTICATORS

BUILTIN: Final = Registries(
    sources=SOURCES,
    authenticators=AUTHENTICATORS,
    target_types=TARGET_TYPES,
    dialects=DIALECTS,
    profiles=PROFILES,
    channels=CHANNELS,
)


def load(path: Path) -> Config:
    """Return the configuration in the file `path`; see `scimsync.config.load`."""
    return config.load(path, BUILTIN)


def parse(text: str, path: Path) -> Config:
    """Return the configuration in `text`; see `scimsync.config.parse`."""
    return config.parse(text, path, BUILTIN)
