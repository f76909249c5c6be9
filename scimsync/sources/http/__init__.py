"""`type = "http"`: records of an HTTP API that answers with JSON or CSV.

`settings` is what sync.toml may say, `api` and `calls` the facts that describe an API, `preset` the
facts about products, `paging` which page comes next and whether a list is complete, `client` limits
and errors, `page_reader` the pages of a list, `rows` the rows of its records, `reader` a whole list
with its joins, `source` the source.
"""

from scimsync.sources.http.settings import HttpSettings

__all__ = ["HttpSettings"]
