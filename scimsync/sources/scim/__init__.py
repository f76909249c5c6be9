"""`type = "scim"`: the users or groups of a SCIM service provider.

`settings` is what sync.toml may say, `rows` how resources become records, `sender` sends requests
with retries, `source` reads the list and shows that it is complete.
"""

from scimsync.sources.scim.settings import ScimSettings

__all__ = ["ScimSettings"]
