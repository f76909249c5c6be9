"""The time zone of this machine, with its changes of summer time (Python itself knows only the
offset of the moment)."""

from __future__ import annotations

import os
from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo


def system_zone(localtime: Path = Path("/etc/localtime")) -> tzinfo:
    """The zone that `TZ` names, else that of /etc/localtime; UTC where neither can be read."""
    name = os.environ.get("TZ", "").removeprefix(":")
    if name:
        try:
            return ZoneInfo(name)
        except (KeyError, ValueError, OSError):
            pass
    try:
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError):
        return UTC
