"""Load and check sync.toml.

`load` returns a `Config`, or raises one `ConfigError` that names everything that is wrong.
"""

from scimsync.config.load import load, parse
from scimsync.config.models import Config

__all__ = ["Config", "load", "parse"]
