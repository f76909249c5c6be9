"""The tables as the program describes them."""

from __future__ import annotations

import pytest
from sqlmodel import SQLModel

from scimsync.state.tables import metadata

ROWS = sorted(
    (row for base in SQLModel.__subclasses__() for row in base.__subclasses__()),
    key=lambda row: row.__name__,
)


def test_each_table_has_a_class() -> None:
    assert {str(row.__tablename__) for row in ROWS} == set(metadata.tables)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_each_column_is_described(row: type[SQLModel]) -> None:
    assert set(row.model_fields) == set(metadata.tables[str(row.__tablename__)].columns.keys())
    for name, field in row.model_fields.items():
        assert field.description, name
        assert field.description.endswith((".", "…")), name
