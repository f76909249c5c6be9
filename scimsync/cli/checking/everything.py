"""Goes through everything, whatever fails on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from scimsync.cli.checking.findings import About, Finding, exit_code_of
from scimsync.cli.checking.operating import check_operating
from scimsync.cli.checking.secrets import check_secrets
from scimsync.cli.checking.sources import check_rows
from scimsync.cli.checking.targets import check_targets
from scimsync.cli.targets import sources_of
from scimsync.config.models import Config
from scimsync.desired import check_columns
from scimsync.errors import ScimsyncError
from scimsync.execute.books import Now
from scimsync.run.compile import CompiledTarget, compile_target, file_spec
from scimsync.sources import columns
from scimsync.state.store import Store, is_scratch, open_state, scratch_store, shown_state


def check_everything(config: Config, names: Sequence[str], now: Now) -> Iterator[Finding]:
    """Looks at the targets called `names`, and at all that they need. Nothing is stored, nothing is
    changed anywhere."""
    parts = [
        _count(len(names), "target"),
        _count(len(config.sources), "source"),
        *([_count(len(config.access), "access rule")] if config.access else []),
    ]
    yield About("configuration", config.path.name).ok(f"{config.path}: {', '.join(parts)}")
    store, finding = _open_state(config)
    yield finding
    targets: dict[str, CompiledTarget] = {}
    faults: dict[str, list[Finding]] = {name: [] for name in names}
    for name in names:
        try:
            targets[name] = compile_target(config, name)
        except ScimsyncError as error:
            faults[name].append(About("target", name).failed(error))
    try:
        yield from _sources(config, names, targets, faults, store, now)
    finally:
        store.close()
    secrets = {name: list(check_secrets(config, name)) for name in names}
    has_token = [target for name, target in targets.items() if not exit_code_of(secrets[name])]
    asked = check_targets(config, has_token)
    for name in names:
        yield from (*faults[name], *secrets[name], *asked.get(name, ()))
    yield from check_operating(config, names, now.time)


def _sources(
    config: Config,
    names: Sequence[str],
    targets: Mapping[str, CompiledTarget],
    faults: Mapping[str, list[Finding]],
    store: Store,
    now: Now,
) -> Iterator[Finding]:
    """What there is to say of the sources; mappings that name a column that is not there go to
    `faults`, by target."""
    found: dict[str, list[str]] = {}
    for source in sources_of(config, names):
        try:
            found[source] = columns(file_spec(config, source))
        except ScimsyncError as error:
            yield About("source", source).failed(error)
        else:
            used = {
                column for target in targets.values() for column in _columns_used(target, source)
            }
            yield from check_rows(
                config,
                source,
                found[source],
                [name for name in found[source] if name in used],
                store,
                now,
            )
    for name, target in targets.items():
        try:
            _check_columns(target, found)
        except ScimsyncError as error:
            faults[name].append(About("target", name).failed(error))


def _columns_used(target: CompiledTarget, source: str) -> Iterator[str]:
    if source in target.sources:
        yield from target.program.columns
    for rule in target.groups.values():
        if rule.source == source:
            yield from rule.program.columns


def _check_columns(target: CompiledTarget, found: Mapping[str, Sequence[str]]) -> None:
    """Raises ConfigError for a column that is nowhere; where a source cannot be read, nothing can
    be told."""
    if all(source in found for source in target.sources):
        check_columns(target.program, {source: found[source] for source in target.sources})
    for rule in target.groups.values():
        if rule.source is not None and rule.source in found:
            check_columns(rule.program, {rule.source: found[rule.source]})


def _open_state(config: Config) -> tuple[Store, Finding]:
    about = About("state", shown_state(config.state.url))
    try:
        store = open_state(config.state_url, config.base_dir, create=False)
    except ScimsyncError as error:
        return scratch_store(), about.failed(error)
    if is_scratch(store):
        return store, about.ok(
            f"{shown_state(config.state_url)}: not there yet, the first push makes it"
        )
    return store, about.ok(f"{store.label}: fine")


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
