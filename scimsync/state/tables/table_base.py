"""The base class of the rows of the state database."""

from typing import ClassVar

from pydantic import ConfigDict
from sqlalchemy import Table
from sqlmodel import SQLModel


class StateRow(SQLModel):
    """A row of the state database. Queries use the `Table` of its class."""

    # pydantic's validators are never used: rows are read and written by Core statements
    model_config: ClassVar[ConfigDict] = ConfigDict(defer_build=True)  # type: ignore[assignment]


def table_of(row: type[StateRow]) -> Table:
    """Return the table of a class of rows."""
    table: Table = row.__table__  # type: ignore[attr-defined]
    return table
