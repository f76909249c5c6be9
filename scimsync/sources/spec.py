"""What sync.toml says about a source that is a file, as far as reading it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileSpec:
    """A `[sources.NAME]` of type `file`.

    `path` is a file or a glob (all matches are one table); with a `query` it is not used. Both are
    relative to `base_dir`, the folder of sync.toml. `lists` maps columns that hold several values
    to what separates these. `encoding` and `delimiter` are found out where None. `config` is the
    name of the configuration file, for messages.
    """

    name: str
    path: str
    key: str
    base_dir: Path
    lists: Mapping[str, str] = field(default_factory=dict)
    query: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    config: str = "sync.toml"

    def setting(self, option: str) -> str:
        """Where `option` of this source stands, as messages begin: `sync.toml: sources.hr.key`."""
        return f"{self.config}: sources.{self.name}.{option}"
