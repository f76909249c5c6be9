"""File sources for tests, without a sync.toml."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from scimsync.sources import SourceSpec
from scimsync.sources.file import FileSettings

FileSpec = SourceSpec[FileSettings]


def file_spec(folder: Path, path: str = "hr.csv", key: str = "id", **settings: Any) -> FileSpec:
    """Return `[sources.hr]` of type file in `folder`."""
    options = {"type": "file", "path": path, "key": key, **settings}
    if "query" in settings:
        del options["path"]
    return SourceSpec("hr", FileSettings.model_validate(options), folder)


def with_settings(spec: FileSpec, **changes: Any) -> FileSpec:
    """Return the source with other settings. A `query` replaces `path`."""
    if "query" in changes:
        changes["path"] = None
    options = {**spec.settings.model_dump(exclude_defaults=True), **changes}
    return replace(spec, settings=FileSettings.model_validate(options))
