"""The tables of targets: what one run leaves for the next."""

from datetime import date, datetime

from sqlalchemy import Float

from scimsync.state.column_types import (
    column,
    date_column,
    flag_column,
    key_column,
    name_column,
    number_column,
    seq_column,
    text_column,
    time_column,
)
from scimsync.state.tables.table_base import StateRow, table_of


class TargetRow(StateRow, table=True):
    """The facts about a target that one run leaves for the next."""

    __tablename__ = "target"

    name: str = key_column("Name of the target in sync.toml.")
    url: str | None = name_column("Base URL of the service that its links belong to.", default=None)
    digest: str | None = name_column(
        "Digest of the configuration it was planned under.", default=None
    )
    cursor: int = seq_column("Sequence number up to which records are planned.", default=0)
    failures: int = number_column(
        "How many runs in a row failed as a whole.",
        default=0,
        sa_column_kwargs={"server_default": "0"},
    )
    quarantined_until: datetime | None = time_column(
        "Nothing is sent to it until then.", default=None
    )
    last_error: str | None = text_column("Why it failed last.", default=None)
    lowered_rate: float | None = column(
        Float, "Requests per second that it took when it last answered 429.", default=None
    )
    lowered_at: datetime | None = time_column("When it last answered 429.", default=None)
    ran_at: datetime | None = time_column(
        "When a run that read the sources last started.", default=None
    )
    good_run_at: datetime | None = time_column(
        "When such a run last finished without an error of the target.", default=None
    )
    credentials_expire: date | None = date_column(
        "The day on which the credentials of its last run expire.", default=None
    )
    group_tables: str | None = text_column(
        "The group tables it was last planned with, and removed ones: a JSON object.", default=None
    )
    unusable_filters: str | None = text_column(
        "Attributes whose filters proved nothing, with the reason: a JSON object.", default=None
    )
    bulk_unusable: str | None = text_column("Why it cannot be sent bulk requests.", default=None)
    bulk_unusable_at: datetime | None = time_column("When that was found.", default=None)
    shapes: str | None = text_column(
        "The shapes of requests that are known to work: a JSON object.", default=None
    )
    changes_at: datetime | None = time_column(
        "When an expression that uses the time may next give a different value.", default=None
    )
    evaluated_at: datetime | None = time_column(
        "The newest time for which such an expression was evaluated.", default=None
    )


class DiscoveryRow(StateRow, table=True):
    """What a target declares about itself. It can be read again at any time."""

    __tablename__ = "discovery"

    target: str = key_column("Name of the target.")
    url: str = name_column("Base URL of the service that declared it.")
    document: str = text_column("What it declared, and when that was read: a JSON object.")


class ReplacedSecretRow(StateRow, table=True):
    """A secret that a server replaced, encrypted under the one that sync.toml refers to."""

    __tablename__ = "replaced_secret"

    target: str = key_column("Name of the target.")
    option: str = key_column("The key of `auth`, such as `refresh_token`.")
    sealed: str = text_column("The encrypted secret.")


class ReconciliationRow(StateRow, table=True):
    """The last reconciliation that could read a target."""

    __tablename__ = "reconciliation"

    target: str = key_column("Name of the target.")
    at: datetime = time_column("When it was read.")
    findings: int = number_column("How many findings there were.")
    complete: bool = flag_column("Whether all accounts and groups could be compared.")


target = table_of(TargetRow)
discovery = table_of(DiscoveryRow)
replaced_secret = table_of(ReplacedSecretRow)
reconciliation = table_of(ReconciliationRow)
