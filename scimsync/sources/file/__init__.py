"""Files as a source: CSV, TSV, JSON, NDJSON and Parquet, one or many, or a query over them.

`settings` has the options. `source` finds and reads the files, with a reader for each format.
`sample` looks at files for `scimsync init`.
"""

from scimsync.sources.file.settings import FileSettings

__all__ = ["FileSettings"]
