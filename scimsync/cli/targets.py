"""Which targets a command is about, and which sources these have."""

from __future__ import annotations

from collections.abc import Sequence

from scimsync.config.models import Config


def check_targets(config: Config, names: Sequence[str]) -> list[str]:
    """The targets called `names`, or all where there are none, in the order of sync.toml. Raises
    ConfigError."""
    for name in names:
        if name not in config.targets:
            raise config.unknown_target(name)
    return [name for name in config.targets if not names or name in names]


def sources_of(config: Config, names: Sequence[str]) -> list[str]:
    """The sources of the users and groups of the targets called `names`, in the order of
    sync.toml."""
    targets = [config.targets[name] for name in names]
    of_groups = {group.source for target in targets for group in target.groups.values()}
    wanted = {source for target in targets for source in target.source} | of_groups
    return [name for name in config.sources if name in wanted]
