"""What commands begin with: the state, the moment of the run, the targets they are about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from scimsync.cli.ui.common_options import CommonOptions
from scimsync.config.models import Config
from scimsync.plan import Now
from scimsync.state.store import Store, open_state


@contextmanager
def opened_state(config: Config, *, create: bool) -> Iterator[Store]:
    """Open the state database of a configuration; without `create`, only to read."""
    store = open_state(config.state_url, config.base_dir, create=create)
    try:
        yield store
    finally:
        store.close()


def this_moment(options: CommonOptions) -> Now:
    """Return when the run happens; expressions see the local day."""
    now = options.clock()
    return Now(now, now.astimezone().date())


def chosen_targets(config: Config, names: Sequence[str]) -> list[str]:
    """Return the targets called `names`, all if there are none, in the order of sync.toml.

    Raise ConfigError for a target that sync.toml does not have.
    """
    for name in names:
        if name not in config.targets:
            raise config.unknown_target(name)
    return [name for name in config.targets if not names or name in names]


def sources_of(config: Config, names: Sequence[str]) -> list[str]:
    """Return the sources of the users and groups of the targets called `names`, in order.

    Those of tables that are read are the last.
    """
    targets = [config.targets[name] for name in names]
    of_groups = {group.source for target in targets for group in target.groups.values()}
    wanted = {source for target in targets for source in target.source} | of_groups
    return [name for name in config.sources if name in wanted or name in config.table_values]
