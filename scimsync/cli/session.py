"""What every command begins with: configuration loaded, state opened, the moment of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from scimsync.cli.failures import remember
from scimsync.cli.options import Common
from scimsync.cli.talk import set_up_logging
from scimsync.config import load
from scimsync.config.models import Config
from scimsync.execute.books import Now
from scimsync.state.store import Store, open_state


def begin(options: Common) -> None:
    """Sets up what has to be there before anything can fail."""
    remember(options)
    set_up_logging(options)


def load_config(options: Common) -> Config:
    """sync.toml as the options name it. Raises ConfigError."""
    return load(options.config)


@contextmanager
def opened_state(config: Config, *, create: bool) -> Iterator[Store]:
    """The state database of a configuration; without `create` nothing is written to it."""
    store = open_state(config.state_url, config.base_dir, create=create)
    try:
        yield store
    finally:
        store.close()


def clock() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


def this_moment() -> Now:
    """When the run happens; expressions see the local day."""
    now = clock()
    return Now(now, now.astimezone().date())
