"""The result of a query as a source: read once, into a private file, and compared in bulk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from threading import Lock

from scimsync.errors import SourceFormatError
from scimsync.sources.base import RejectedRows, SourceSpec, check_lists, missing_column
from scimsync.sources.duckdb_sql import reason
from scimsync.sources.file.first_rows import first_rows
from scimsync.sources.one_part import OnePartSource
from scimsync.sources.relation import Relation, build_relation
from scimsync.sources.sql.address import PACKAGES, Address, InvalidAddress, resolve_address
from scimsync.sources.sql.database_failures import Explainer
from scimsync.sources.sql.driver_rows import UnreadableCell
from scimsync.sources.sql.settings import REFERENCE, SqlSettings
from scimsync.sources.sql.spooled import MAX_ROW_BYTES, Reader, RowTooLong, Spooled
from scimsync.sources.workspace import Workspace

Spec = SourceSpec[SqlSettings]


class SqlSource(OnePartSource[SqlSettings]):
    """A `Source` for the rows of a query. It connects when something is read, and not before."""

    def __init__(self, spec: Spec, workspace: Workspace) -> None:
        super().__init__(spec, f"the result of sources.{spec.name}.query")
        self._workspace = workspace
        address = _address(spec)
        self._explainer = Explainer(spec, address)
        self._reader = _reader(spec, address, self._explainer)
        self._spooled: Spooled | None = None
        self._lock = Lock()

    def columns(self) -> list[str]:
        """Return the names of the columns of the result, without its rows if that is possible."""
        spooled = self._spooled
        found = self._reader.columns() if spooled is None else list(spooled.columns)
        self._check_names(found)
        if self.spec.key not in found:
            raise missing_column(self.spec, "key", self.spec.key, found, self.label)
        check_lists(self.spec, self.spec.settings.lists, found, self.label)
        return found

    def checksum(self) -> str:
        """Return a digest of the settings and the rows in their order."""
        settings = self.spec.settings
        shape = json.dumps([settings.key, sorted(settings.lists.items()), self._read().digest])
        return hashlib.blake2b(shape.encode(), digest_size=20).hexdigest()

    def first_records(self, limit: int) -> list[Mapping[str, object]]:
        """Return the first rows without reading the others, if the database lets it."""
        spooled = self._spool(limit)
        names = list(spooled.columns)
        self._check_names(names)
        part = spooled.part(names, numbered=False)
        rows = first_rows(self._workspace, [part], len(names), limit)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def scan(self, used: Sequence[str], rejected: RejectedRows | None = None) -> Relation:
        """Return the rows. None is rejected here."""
        spooled = self._read()
        found = list(spooled.columns)
        names = [self.spec.key, *used]
        for place, name in enumerate(names):
            if name not in found:
                option = "query" if place else "key"
                raise missing_column(self.spec, option, name, found, self.label)
        careful = rejected is not None
        part = spooled.part(names, numbered=careful)
        return build_relation([part], used, self.spec.settings.lists, careful=careful)

    def explain(self, error: Exception) -> SourceFormatError:
        """Return DuckDB's message, such as that of a text that is not UTF-8."""
        return SourceFormatError(
            f"{self.spec.setting('query')}: the result cannot be read: {reason(error)}",
            code="SYNC-0247",
            brief=f"{self.spec.setting('query')}: the result cannot be read",
        )

    def _read(self) -> Spooled:
        """Return all rows. Raise GuardStop if there are none."""
        with self._lock:
            if self._spooled is None:
                spooled = self._spool(None)
                self._check_names(spooled.columns)
                if not spooled.rows:
                    raise self.empty()
                self._spooled = spooled
            return self._spooled

    def _spool(self, limit: int | None) -> Spooled:
        where, used = self.spec.setting("query"), self.spec.used
        wanted = None if used is None or limit is not None else {self.spec.key, *used}
        try:
            return self._reader.read(self._workspace.new(".rows"), limit, wanted)
        except RowTooLong as error:
            raise SourceFormatError(
                f"{where}: row {error.args[0]:,} of the result is longer than"
                f" {MAX_ROW_BYTES // 1_000_000} MB",
                hint="select the columns that your mappings use, and no others",
                code="SYNC-0247",
            ) from None
        except UnreadableCell as error:
            raise SourceFormatError(
                f"{where}: the result cannot be read: {error}",
                hint="select the columns that your mappings use, and no others",
                code="SYNC-0247",
            ) from None

    def _check_names(self, found: Sequence[str]) -> None:
        twice = sorted({column for column in found if list(found).count(column) > 1})
        if twice:
            raise self._explainer.repeated(twice[0])


def _address(spec: Spec) -> Address:
    """Return the database of a source, with its password. Raise SourceFormatError, SecretError."""
    settings = spec.settings
    text = settings.url.get_secret_value()
    if REFERENCE.match(text):
        text = spec.secret("url")
    password = None if settings.password is None else spec.secret("password")
    try:
        return resolve_address(text, password, spec.base_dir)
    except InvalidAddress as error:
        raise SourceFormatError(
            f"{spec.setting('url')}: the text behind the reference {error}",
            hint="such as postgresql://scimsync:PASSWORD@db.example.com/hr",
            code="SYNC-0241",
        ) from None


def _reader(spec: Spec, address: Address, explainer: Explainer) -> Reader:
    """Return the reader for a kind of database. Raise SourceFormatError without a driver."""
    settings = spec.settings
    timeout_s = settings.timeout.total_seconds()
    if address.is_sqlite:
        from scimsync.sources.sql.sqlite_reader import SqliteReader

        return SqliteReader(address, settings.query, timeout_s, explainer)
    _check_driver(spec, address)
    if address.url.drivername == "postgresql+psycopg":
        from scimsync.sources.sql.postgresql_reader import PostgresqlReader

        return PostgresqlReader(address, settings.query, timeout_s, explainer)
    if address.url.drivername in ("mysql+pymysql", "mariadb+pymysql"):
        from scimsync.sources.sql.mysql_reader import MysqlReader

        return MysqlReader(address, settings.query, timeout_s, explainer)
    from scimsync.sources.sql.other_reader import OtherReader

    return OtherReader(address, settings.query, timeout_s, explainer)


def _check_driver(spec: Spec, address: Address) -> None:
    """Raise SourceFormatError if the driver is not installed, or cannot be used."""
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    where = f"{spec.setting('url')}: {address.shown}"
    name = address.url.get_backend_name()
    try:
        dialect = address.url.get_dialect()
        dialect.import_dbapi()
    except NoSuchModuleError:
        raise SourceFormatError(
            f'{spec.setting("url")}: no driver for "{address.url.drivername}" is installed',
            hint="PostgreSQL, MySQL, MariaDB, and SQLite are built in; others come as a package"
            " that adds a dialect to SQLAlchemy",
            code="SYNC-0242",
        ) from None
    except ImportError as error:
        module = (error.name or "").partition(".")[0] or dialect.driver
        package = PACKAGES.get(module, module)
        raise SourceFormatError(
            f"{where}: {name} needs {module}, which is not installed",
            hint=f"install it with pip install {package}",
            code="SYNC-0242",
        ) from None
    except ArgumentError as error:
        raise SourceFormatError(f"{where}: {address.hide(error)}", code="SYNC-0242") from None
    if dialect.is_async:
        raise SourceFormatError(
            f"{where}: the driver {dialect.driver} is asynchronous",
            hint=f"leave it out: {name}://…",
            code="SYNC-0242",
        )
