"""sync.toml: loading and checking it, the secrets that it names, its JSON Schema, and a first one
for new users.

`load(path)` is the way in; it returns a `Config` or raises one `ConfigError` that names everything
that is wrong. `schema.json_schema()` and `guess.guess()` are imported where they are needed.
"""

from scimsync.config.load import load, parse
from scimsync.config.mapping import Mapped, MappedKind
from scimsync.config.models import (
    DEFAULT_CONCURRENCY,
    Actions,
    BearerAuth,
    Config,
    FileSource,
    Guard,
    Leave,
    LeaveAction,
    State,
    Target,
)
from scimsync.config.secrets import resolve
from scimsync.model.limits import Limit, Minimum

__all__ = [
    "DEFAULT_CONCURRENCY",
    "Actions",
    "BearerAuth",
    "Config",
    "FileSource",
    "Guard",
    "Leave",
    "LeaveAction",
    "Limit",
    "Mapped",
    "MappedKind",
    "Minimum",
    "State",
    "Target",
    "load",
    "parse",
    "resolve",
]
