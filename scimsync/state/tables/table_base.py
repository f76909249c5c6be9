"""The base class of the rows of the state database."""

from typing import ClassVar

from pydantic import ConfigDict
from sqlalchemy import Index, Table, text
from sqlmodel import SQLModel


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

    The migrations create it in both kinds of database. Here only SQLite gets the condition: with
    that of PostgreSQL, SQLAlchemy would load its dialect at each start.
    """
    return Index(name, *columns, unique=unique, sqlite_where=text(where))
