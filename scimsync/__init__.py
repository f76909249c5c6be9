"""Keep accounts in applications up to date over SCIM 2.0, with HR data as the source of truth."""

__version__ = "0.1.0"
