"""Checks that contact no target: state, secrets, findings of earlier runs, schedule, receivers."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime

from scimsync.cli.commands.check.check_results import CheckResult, Subject
from scimsync.cli.ui.exposed_files import exposed_files, exposure_hint, exposure_text
from scimsync.config.models import Config
from scimsync.config.same_url import shared_url
from scimsync.config.schedule import first_after
from scimsync.config.secrets import SecretReader, secret_references
from scimsync.durations import format_local
from scimsync.errors import ConfigError, ScimsyncError
from scimsync.formatting import plural
from scimsync.model.ids import Kind
from scimsync.model.target_memory import TargetState
from scimsync.plan import Now
from scimsync.run.compile_mappings import check_shared_mapping, unused_mappings
from scimsync.run.compiled import CompiledTarget
from scimsync.state import target_states
from scimsync.state.store import Store, open_state, scratch_store, shown_state
from scimsync.targets.lessons import lessons
from scimsync.targets.quarantine import remembered_bulk, remembered_filters
from scimsync.transport.auth.expiry import expiry_of, expiry_warning


@contextmanager
def opened_and_checked_state(config: Config) -> Iterator[tuple[Store, CheckResult]]:
    """Open the state to read, an empty one where that fails, and give the result as well."""
    subject = Subject("state", shown_state(config.state.url))
    try:
        store = open_state(config.state_url, config.base_dir, create=False)
    except ScimsyncError as error:
        store, result = scratch_store(), subject.failed(error)
    else:
        result = subject.ok(
            f"{shown_state(config.state_url)}: not created yet; the first push creates it"
            if store.is_scratch
            else f"{store.label}: ok"
        )
    try:
        yield store, result
    finally:
        store.close()


def check_state_files(config: Config) -> Iterator[CheckResult]:
    """Warn where other users of this machine may read files of the state."""
    exposed = exposed_files(config)
    if exposed:
        yield Subject("state", shown_state(config.state.url)).warning(
            exposure_text(exposed), code="SYNC-0615", hint=exposure_hint(exposed)
        )


def check_shared_mappings(config: Config, known: Collection[str]) -> Iterator[CheckResult]:
    """Check the lines of shared mappings, also of those that no target extends.

    `known` are the messages about targets, which are not repeated.
    """
    subject = Subject("configuration", config.path.name)
    for name in config.mappings:
        try:
            check_shared_mapping(config, name)
        except ScimsyncError as error:
            if error.message not in known:
                yield subject.failed(error)
    for name in unused_mappings(config):
        yield subject.warning(
            f"{config.where('mappings', name)}: no target extends this mapping",
            code="SYNC-0446",
            hint=f'write extends = "{name}" in a target, or remove the mapping',
        )


# Sources


# Targets


def check_urls(config: Config, names: Sequence[str]) -> dict[str, list[CheckResult]]:
    """Warn of targets that have the url of another target."""
    found = {name: shared_url(config, name) for name in names}
    hint = "join the sources in one target, unless a user never moves from one to the other"
    return {
        name: [Subject("target", name).warning(shared.text, code="SYNC-0431", hint=hint)]
        for name, shared in found.items()
        if shared is not None
    }


def check_findings(
    targets: Mapping[str, CompiledTarget], store: Store, now: Now
) -> dict[str, list[CheckResult]]:
    """Report what did not work at each target in earlier pushes, with the dates."""
    with store.read() as connection:
        known = target_states.get_targets(connection, list(targets))
    return {
        name: [
            *_filters(target, known[name], now),
            *_bulk(target, known[name], now),
            *_shapes(target, known[name]),
        ]
        for name, target in targets.items()
    }


def _shapes(target: CompiledTarget, known: TargetState) -> Iterator[CheckResult]:
    """Report the shapes of requests that a target takes, if the first ones were refused."""
    found = list(lessons(known.shapes))
    subject = Subject("target", target.name)
    taken = [str(lesson) for lesson in found if not lesson.is_loss]
    if taken:
        yield subject.ok(
            f"{plural(len(taken), 'shape')} of requests learned from it", details=taken
        )
    for lesson in found:
        if lesson.is_loss:
            yield subject.warning(
                str(lesson),
                code="SYNC-0428",
                hint=(
                    "remove it from the mapping, or run scimsync check --forget-shapes to try again"
                ),
            )


def _bulk(target: CompiledTarget, known: TargetState, now: Now) -> Iterator[CheckResult]:
    """Report bulk requests that a target refused, as far as a push would send them otherwise."""
    why, found_at = remembered_bulk(known, now.time), known.bulk_unusable_at
    if target.bulk is None and why is not None and found_at is not None:
        yield Subject("target", target.name).warning(
            f"since {found_at.date()}, bulk requests are not used: {why}",
            code="SYNC-0410",
            hint="a push tries it again after 30 days; to avoid this, set bulk = false",
        )


def _filters(target: CompiledTarget, known: TargetState, now: Now) -> Iterator[CheckResult]:
    for kind in Kind:
        unusable = remembered_filters(known, kind, now.time)
        used = dict.fromkeys(target.config.match)
        if kind is Kind.GROUP:
            used = dict.fromkeys(path for rule in target.groups.values() for path in rule.match)
        others = [path for path in used if path not in unusable]
        for path, why in unusable.items():
            since = known.unusable_filters[f"{kind} {path}"].found_on
            yield Subject("target", target.name).warning(
                f"since {since}, the filter on {path} of {kind}s proves nothing: {why}",
                code="SYNC-0425",
                hint=f"existing {kind}s are found {_ways(others)}",
            )


def _ways(others: Sequence[str]) -> str:
    return f"by {' or '.join(others)} or in the whole list" if others else "in the whole list"


# Secrets

_STATIC = ("bearer", "header")
"""Authentication by a token that is created by hand."""


def check_secrets(config: Config, name: str, today: date) -> Iterator[CheckResult]:
    """Resolve the secrets of the target `name`, without showing them, and see when they expire."""
    subject = Subject("target", name)
    auth = config.targets[name].auth
    secret = SecretReader(config, auth, "targets", name, "auth")
    for option, reference in secret_references(auth).items():
        scheme, _, rest = reference.partition(":")
        try:
            secret(option)
        except ConfigError as error:
            yield subject.failed(error)
            continue
        origin = "sync.toml itself" if scheme == "literal" else f"{scheme}:{rest}"
        yield subject.ok(f"{option} from {origin}")
        yield from check_permissions(subject, config, reference, f"the {option}")
    expires = expiry_of(auth, secret.read)
    warning = expiry_warning(expires, today)
    profile = config.registries.profiles[config.targets[name].profile]()
    if expires is None and profile.token_expires is not None and auth.type in _STATIC:
        days = plural(profile.token_expires, "day")
        yield subject.warning(
            f"tokens of {profile.product} live {days}, but sync.toml does not say when they expire",
            code="SYNC-0468",
            hint="set token_expires in auth to that day, to be warned 30 days before",
        )
    sharing = _others_with_refresh_token(config, name)
    if sharing:
        yield subject.warning(
            f"its refresh token is also that of {', '.join(sharing)}",
            code="SYNC-0168",
            hint="get one for each target: a server that replaces it refuses the others",
        )
    if warning is not None:
        yield subject.warning(
            warning,
            code="SYNC-0159",
            hint="get new credentials, and change auth or the secret that it refers to",
        )


def _others_with_refresh_token(config: Config, name: str) -> list[str]:
    """Return the other targets that take the refresh token of a target from the same place."""
    tokens = {
        target: secret_references(settings.auth).get("refresh_token")
        for target, settings in config.targets.items()
    }
    mine = tokens.pop(name)
    return [target for target, token in tokens.items() if mine is not None and token == mine]


def check_permissions(
    subject: Subject, config: Config, reference: str, what: str
) -> Iterator[CheckResult]:
    """Warn where other users of this machine may read the file that holds a secret."""
    scheme, _, rest = reference.partition(":")
    holder = {"literal": config.path, "file": config.base_dir / rest}.get(scheme)
    try:
        readable = holder is not None and holder.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH)
    except OSError:
        return
    if readable:
        yield subject.warning(
            f"{holder} contains {what} and is readable by other users",
            code="SYNC-0952",
            hint=f"run chmod 600 {holder}, or use env:, keyring: or cmd:",
        )


# The daemon


def check_schedule(config: Config, names: Sequence[str], now: datetime) -> Iterator[CheckResult]:
    """Report when the daemon would push the targets called `names`, where it has a schedule."""
    schedule = config.schedule
    if not schedule.model_fields_set:
        return
    for name in names:
        timings = schedule.targets.get(name, schedule.push)
        following = first_after(timings, now, schedule.zone)
        when = "no pushes by the daemon"
        if following is not None:
            when = f"pushes {', '.join(map(str, timings))}; next {format_local(following)}"
        yield Subject("schedule", name).ok(when)


def check_receivers(config: Config) -> Iterator[CheckResult]:
    """Check the receivers of `[notify]`; send nothing."""
    if not config.notify.to:
        return
    from scimsync.daemon import notify

    for name, wrong in notify.check_receivers(config):
        subject = Subject("receiver", name)
        if wrong is None:
            yield subject.ok("ready")
        else:
            yield subject.error(f"notify.to.{name}: {wrong}", code="SYNC-0822")
        for option, reference in secret_references(config.notify.to[name]).items():
            yield from check_permissions(subject, config, reference, f"notify.to.{name}.{option}")
