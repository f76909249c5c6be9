"""Databases for the sources of type sql."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sql_databases import (
    DATABASES,
    Database,
    mariadb_database,
    postgresql_database,
    sqlite_database,
)


@pytest.fixture(params=DATABASES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database of each kind."""
    match request.param:
        case "postgresql":
            return postgresql_database(request.getfixturevalue("postgresql"))
        case "mariadb":
            return mariadb_database(request.getfixturevalue("mariadb"))
    return sqlite_database(tmp_path)


@pytest.fixture
def postgresql_db(request: pytest.FixtureRequest) -> Database:
    """An empty database of PostgreSQL."""
    return postgresql_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def mariadb_db(request: pytest.FixtureRequest) -> Database:
    """An empty database of MariaDB."""
    return mariadb_database(request.getfixturevalue("mariadb"))
