"""`type = "ldif"`: entries in files as RFC 2849 writes them."""

from scimsync.sources.ldif.settings import LdifSettings

__all__ = ["LdifSettings"]
