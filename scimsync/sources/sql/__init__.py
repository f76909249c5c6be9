"""The result of a query in a database as a source.

`settings` has the options, `address` reads the URL, and `source` is the source itself. There is a
module for each way to read rows: `postgresql` by COPY, `mysql` for MariaDB and MySQL, `sqlite`, and
`other` for every database that SQLAlchemy has a dialect for. `failures` says what an error of a
database means.
"""

from scimsync.sources.sql.settings import SqlSettings

__all__ = ["SqlSettings"]
