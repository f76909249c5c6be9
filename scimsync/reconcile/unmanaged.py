"""Which unmanaged accounts may be deactivated: those about which no source knows anything."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from scimsync.config.same_url import at_same_url
from scimsync.errors import SOURCE_ERRORS, coded
from scimsync.formatting import plural
from scimsync.model.batches import batches
from scimsync.model.ids import Document, Key, Kind, RemoteId, Seq, fold_value
from scimsync.model.links import Link, LinkStatus
from scimsync.model.records import Record
from scimsync.model.repairs import UnlinkedAccount
from scimsync.plan import Now
from scimsync.reconcile.opened import ReadSettings
from scimsync.reconcile.read_back import ReadBack
from scimsync.run.compile import compile_config
from scimsync.run.compiled import CompiledTarget
from scimsync.run.options import Options, Report
from scimsync.run.plan import scratch_context
from scimsync.run.reading import read_sources
from scimsync.snapshot.ingest import Ingested
from scimsync.snapshot.view import SnapshotView
from scimsync.state import link_store, record_rows
from scimsync.state.store import Store

KEPT: Final = "SYNC-0522"
"""The message about unmanaged accounts that are not deactivated."""

_BATCH: Final = 500
_NAMED: Final = 20
"""The number of accounts that are named one by one."""


class UnmanagedValues:
    """The values by which unmanaged accounts can match users, in the database of `read_back`."""

    def __init__(self, read_back: ReadBack, ids: Iterable[RemoteId]) -> None:
        self._database = read_back.connection
        self._database.execute("CREATE OR REPLACE TABLE unlinked (id VARCHAR)")
        for some in batches(ids, _BATCH):
            self._database.execute("INSERT INTO unlinked SELECT unnest(?::VARCHAR[])", [some])
        self._database.execute(
            "CREATE OR REPLACE TABLE unlinked_value AS SELECT DISTINCT id,"
            " unnest(map_keys(held)) AS path, unnest(map_values(held)) AS value"
            " FROM resource SEMI JOIN unlinked USING (id) WHERE kind = 'user'"
        )

    def matching(
        self, users: Iterable[tuple[Key, Mapping[str, object]]]
    ) -> list[tuple[Key, RemoteId, str]]:
        """Return the pairs of users and accounts that have an equal value, and its path.

        Each of `users` comes with the values of attributes by path.
        """
        values = [
            (key, path, fold_value(path, value))
            for key, document in users
            for path, value in document.items()
        ]
        if not values:
            return []
        rows = self._database.execute(
            "SELECT DISTINCT key, id, path FROM (SELECT unnest(?::VARCHAR[]) AS key,"
            " unnest(?::VARCHAR[]) AS path, unnest(?::VARCHAR[]) AS value)"
            " JOIN unlinked_value USING (path, value) ORDER BY key, id, path",
            [list(column) for column in zip(*values, strict=True)],
        ).fetchall()
        return [(Key(key), RemoteId(remote_id), path) for key, remote_id, path in rows]


@dataclass(slots=True)
class _Known:
    """What the sources and links know: the accounts that match a user, and users who may match any.

    `matched` maps accounts to the user and the path of the value. `unclear` are users without an
    account whose values cannot be worked out.
    """

    matched: dict[RemoteId, tuple[Key, str]] = field(default_factory=dict)
    unclear: list[Key] = field(default_factory=list)


def without_known(
    settings: ReadSettings,
    target: CompiledTarget,
    read_back: ReadBack,
    accounts: Sequence[UnlinkedAccount],
    report: Report,
) -> tuple[list[UnlinkedAccount], list[str]]:
    """Return those of the unmanaged `accounts` to deactivate, and remarks on the others.

    An account is left if it matches a record of the snapshot or a user without a known account, in
    scope or not. All are left while not everything about the users is known: a source has unusable
    rows, cannot be read, or has changed since the last push, or the values of a user cannot be
    worked out.
    """
    if not accounts:
        return [], []
    why = _why_others_may_have_them(settings, target, report)
    if why is None:
        values = UnmanagedValues(read_back, (one.remote_id for one in accounts))
        known = _known(target, settings.store, settings.now, values)
        if known.unclear:
            more = f" and {len(known.unclear) - 1:,} more" if len(known.unclear) > 1 else ""
            why = f"the attributes to match by of {known.unclear[0]}{more} cannot be worked out"
    if why is not None:
        number = plural(len(accounts), "unmanaged account is", "unmanaged accounts are")
        return [], [coded(f"{number} not deactivated: {why}", KEPT)]
    left = [one for one in accounts if one.remote_id in known.matched]
    remarks = [_remark(one, *known.matched[one.remote_id]) for one in left[:_NAMED]]
    if len(left) > _NAMED:
        more = plural(len(left) - _NAMED, "more account matches", "more accounts match")
        remarks.append(coded(f"{more} a user, and are not deactivated", KEPT))
    return [one for one in accounts if one.remote_id not in known.matched], remarks


def _remark(account: UnlinkedAccount, key: Key, path: str) -> str:
    name = account.document.get("userName")
    who = (
        f"account {account.remote_id}" if name is None else f"{name} (account {account.remote_id})"
    )
    return coded(f"{who} is not deactivated: it has the {path} of {key}", KEPT)


# The sources, and other targets


def _why_others_may_have_them(
    settings: ReadSettings, target: CompiledTarget, report: Report
) -> str | None:
    """Return why unmanaged accounts may be those of users whom the snapshot lacks, else None.

    The sources are read as a plan reads them, and nothing is stored.
    """
    name, config = target.name, settings.compiled.config
    if others := at_same_url(config, name):
        return f"they may be those of {', '.join(others)}, which has the same url"
    try:
        compiled = compile_config(config, [name], secrets=False)
        with scratch_context(compiled, settings.store, Options(), settings.now, report) as context:
            reading = read_sources(context)
    except SOURCE_ERRORS as error:
        return error.message
    if reading.refused:
        return next(iter(reading.refused.values())).message
    found = map(_why_behind, reading.sources.values())
    return next((why for why in found if why is not None), None)


def _why_behind(source: Ingested) -> str | None:
    if source.problems:
        rows = plural(len(source.problems), "row that cannot", "rows that cannot")
        return f"source {source.source} has {rows} be used; correct it, and push"
    if source.new or source.changed or source.gone:
        return f"source {source.source} has changed since the last push; push first"
    return None


# The users


def _known(target: CompiledTarget, store: Store, now: Now, accounts: UnmanagedValues) -> _Known:
    known = _Known()
    for keys in batches(SnapshotView(store).changed_keys(target.sources, Seq(-1)), _BATCH):
        with store.read() as connection:
            records = record_rows.get_records(connection, target.sources, keys)
            links = link_store.get_links(connection, target.name, Kind.USER, keys)
        _add(known, accounts, _of_records(target, records, links, now, known.unclear))
    with store.read() as connection:
        pending = link_store.pending(connection, target.name, Kind.USER)
    for some in batches(pending, _BATCH):
        _add(known, accounts, ((link.key, _identity(target, link.document)) for link in some))
    return known


def _add(
    known: _Known, accounts: UnmanagedValues, users: Iterable[tuple[Key, Mapping[str, object]]]
) -> None:
    for key, remote_id, path in accounts.matching(users):
        known.matched.setdefault(remote_id, (key, path))


def _of_records(
    target: CompiledTarget,
    records: Iterable[Record],
    links: Mapping[Key, Link],
    now: Now,
    unclear: list[Key],
) -> Iterator[tuple[Key, Mapping[str, object]]]:
    """Yield the users of `records` with their values, and add to `unclear` those without all.

    A record that is gone counts if its user has a link without an account.
    """
    for record in records:
        link = links.get(record.key)
        if record.removed and (link is None or link.status is not LinkStatus.PENDING):
            continue
        found = target.program.identity_values(record, now.today)
        lacks_name = found.in_scope is not False and "userName" not in found.values
        if (found.failures or record.too_deep or lacks_name) and not (
            record.removed or (link is not None and link.has_account)
        ):
            unclear.append(record.key)
        yield record.key, found.values


def _identity(target: CompiledTarget, document: Document) -> Document:
    return {path: document[path] for path in target.identity_paths if path in document}
