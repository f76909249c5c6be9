"""Sources: where records come from.

`base` holds the protocol of a source, `registry` the kinds of source. Each kind has a module or
package of its own.
"""

from scimsync.sources.base import Source, SourceSettings, SourceSpec
from scimsync.sources.watching import changed_at, has_writer, matches, newest, signatures

__all__ = [
    "Source",
    "SourceSettings",
    "SourceSpec",
    "changed_at",
    "has_writer",
    "matches",
    "newest",
    "signatures",
]
