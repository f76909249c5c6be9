"""The base class of the rows of the state database."""

from typing import ClassVar

from pydantic import ConfigDict
from sqlalchemy import Connection, Index, MetaData, Table, event, text
from sqlmodel import SQLModel

_WHERE = "where"
"""The key of the condition of a partial index in its `info`."""


class StateRow(SQLModel):
    """A row of the state database. Queries use the `Table` of its class."""

    # pydantic's validators are never used: rows are read and written by Core statements
    model_config: ClassVar[ConfigDict] = ConfigDict(defer_build=True)  # type: ignore[assignment]


def table_of(row: type[StateRow]) -> Table:
    """Return the table of a class of rows."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """Return an index of the rows for which the condition `where` holds.

    PostgreSQL gets the condition when the tables are created: SQLAlchemy loads its dialect for an
    index that names it, which costs time at each start.
    """
    info = {_WHERE: where}
    return Index(name, *columns, unique=unique, sqlite_where=text(where), info=info)


@event.listens_for(StateRow.metadata, "before_create")
def _set_conditions(metadata: MetaData, connection: Connection, **_options: object) -> None:
    if connection.dialect.name != "postgresql":
        return
    for table in metadata.tables.values():
        for index in table.indexes:
            if _WHERE in index.info:
                index.dialect_options["postgresql"]["where"] = text(index.info[_WHERE])
