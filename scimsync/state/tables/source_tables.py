"""The tables of sources: their records as last read, and when they were read."""

from datetime import datetime

from sqlalchemy import Index

from scimsync.state.column_types import (
    key_column,
    name_column,
    number_column,
    seq_column,
    text_column,
    time_column,
)
from scimsync.state.tables.table_base import StateRow, table_of


class SourceRow(StateRow, table=True):
    """A source as last read."""

    __tablename__ = "source"

    name: str = key_column("Name of the source in sync.toml.")
    head_seq: int = seq_column("Sequence number of its last changed record.", default=0)
    digest: str | None = name_column("Digest of the bytes and settings last read.", default=None)
    records: int = number_column("How many records it has.", default=0)
    ingested_at: datetime | None = time_column("When it was last read.", default=None)
    problems: str | None = text_column("What was wrong in it: a JSON array.", default=None)
    unusable: str | None = text_column(
        "Keys of rows that could not be used: a JSON object.", default=None
    )
    filled: str | None = text_column("Filled cells by column name: a JSON object.", default=None)
    files: str | None = text_column(
        "Files of a pattern, with their records and some keys: a JSON object.", default=None
    )
    replaced: str | None = text_column(
        "What it had before it was last read, until a plan with that is accepted: a JSON object.",
        default=None,
    )
    names: str | None = text_column(
        "Sequence numbers up to which names are in record_name, by expression: a JSON object.",
        default=None,
    )


class RecordRow(StateRow, table=True):
    """A record as last read."""

    __tablename__ = "record"
    __table_args__ = (Index("ix_record_source_seq", "source", "seq"),)

    source: str = key_column("Name of its source.")
    key: str = key_column("Key of the record.")
    seq: int = seq_column("Sequence number of its last change.")
    data: str = text_column("The values by column name: a JSON object.")
    removed_at: datetime | None = time_column("When the source no longer had it.", default=None)


class RecordNameRow(StateRow, table=True):
    """A name of a record, by which references such as `ref(manager, by="email")` find it.

    It follows from the record, and can be worked out again at any time.
    """

    __tablename__ = "record_name"
    __table_args__ = (
        Index("ix_record_name_key", "source", "key"),
        Index("ix_record_name_seq", "source", "seq"),
    )

    source: str = key_column("Name of its source.")
    name: str = key_column("The expression and its value, such as `email=ann@example.com`.")
    key: str = key_column("Key of the record.")
    holding: str = name_column("`current`, `gone` (with the record), or `former`.")
    seq: int = seq_column("Sequence number of the record at the last change of this row.")


class ReplacedRecordRow(StateRow, table=True):
    """A record as it was before it was last read, until a plan made with the new one is accepted.

    A push that a guard stops puts it back: the contents of a refused file have no effect.
    """

    __tablename__ = "replaced_record"

    source: str = key_column("Name of its source.")
    key: str = key_column("Key of the record.")
    data: str | None = text_column("The values; NULL where there was no such record.", default=None)


class IngestRow(StateRow, table=True):
    """A reading of a source that found changed records."""

    __tablename__ = "ingest"

    source: str = key_column("Name of the source.")
    head_seq: int = seq_column(
        "Sequence number of the last record that it changed.", primary_key=True
    )
    first_seq: int = seq_column("Sequence number of the first one.")
    read_at: datetime = time_column("When the source was read.")
    modified_at: datetime | None = time_column(
        "When the newest file of the source was last modified.", default=None
    )


class RefusedChangeRow(StateRow, table=True):
    """A change of a record that was read and undone because a guard stopped its consequences.

    If the source is read again with the same change, it counts from the first time.
    """

    __tablename__ = "refused_change"

    source: str = key_column("Name of the source.")
    key: str = key_column("Key of the record.")
    digest: str = name_column("Digest of the values that were read.")
    read_at: datetime = time_column("When the source was first read with them.")
    modified_at: datetime | None = time_column(
        "When the newest file of the source was last modified by then.", default=None
    )


source = table_of(SourceRow)
record = table_of(RecordRow)
record_name = table_of(RecordNameRow)
replaced_record = table_of(ReplacedRecordRow)
ingest = table_of(IngestRow)
refused_change = table_of(RefusedChangeRow)
