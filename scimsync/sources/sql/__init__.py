"""The result of a query in a database as a source.

`settings` has the options, `address` reads the URL, and `source` is the source itself. PostgreSQL
is read by COPY (`postgresql`), SQLite through its own module (`sqlite`), and every other database
through SQLAlchemy (`other`). `failures` says what an error of a database means.
"""

from scimsync.sources.sql.settings import SqlSettings

__all__ = ["SqlSettings"]
