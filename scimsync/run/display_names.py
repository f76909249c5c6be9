"""Find the names to show beside the keys of users, as `[display] name` gives them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import chain

from scimsync.config.models import Config
from scimsync.desired.display import DisplayName, compile_display_name, name_in_document
from scimsync.desired.parsed_expression import ExpressionLocation
from scimsync.model.ids import Key, Kind
from scimsync.snapshot.view import SnapshotView
from scimsync.state import link_store
from scimsync.state.store import Store


class DisplayNames:
    """Reads the names of users from the records of a run, or those of the last run.

    A user whose record is gone has the name of its last values. If the state has none or they give
    no name, the values count that the target last acknowledged.
    """

    def __init__(
        self, config: Config, name: DisplayName, store: Store, records: SnapshotView | None = None
    ) -> None:
        self._config = config
        self._name = name
        self._store = store
        self._records = records or SnapshotView(store)

    def names(self, target: str, keys: Sequence[Key]) -> dict[Key, str]:
        """Return the names of those of `keys`, users of `target`, that have one."""
        settings = self._config.targets.get(target)
        sources = [] if settings is None else list(settings.source)
        records = self._records.get(sources, keys)
        gone = [key for key in keys if key not in records or records[key].removed]
        # a plan knows of a record that has just gone, but not its values
        records |= SnapshotView(self._store).get(sources, gone) if gone else {}
        found = {key: self._name.of_record(record) for key, record in records.items()}
        without = [key for key in gone if found.get(key) is None]
        if without:
            with self._store.read() as connection:
                known = link_store.get_links(connection, target, Kind.USER, without)
            found |= {key: name_in_document(link.document) for key, link in known.items()}
        return {key: name for key, name in found.items() if name is not None}

    def names_anywhere(self, targets: Iterable[str], keys: Sequence[Key]) -> dict[Key, str]:
        """Return the names of `keys`, each at the first of `targets` where it has one."""
        found: dict[Key, str] = {}
        for target in targets:
            found |= self.names(target, [key for key in keys if key not in found])
        return found


def display_names(
    config: Config, store: Store, records: SnapshotView | None = None
) -> DisplayNames | None:
    """Return the reader of names, or None if sync.toml has no `[display] name`.

    `records` are those of a plan. Raise ConfigError for an error in the expression.
    """
    name = compile_display(config)
    return None if name is None else DisplayNames(config, name, store, records)


def compile_display(config: Config) -> DisplayName | None:
    """Compile `[display] name`, if sync.toml has it; raise ConfigError for an error in it."""
    if config.display.name is None:
        return None
    location = ExpressionLocation(config.path.name, "display.name")
    return compile_display_name(config.display.name, location, config.tables)


def display_columns(config: Config, name: DisplayName | None, source: str) -> Collection[str]:
    """Return the columns of a source that `[display] name` uses: none unless it has users."""
    return () if name is None or source not in sources_with_users(config) else name.columns


def sources_with_users(config: Config) -> set[str]:
    """Return the sources whose records are users of a target."""
    return set(chain.from_iterable(target.source for target in config.targets.values()))
