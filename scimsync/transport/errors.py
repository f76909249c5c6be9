"""Errors of connections: what cannot be sent, and what never arrived."""

from __future__ import annotations


class TransportError(Exception):
    """Base of the errors of this package. `str()` is one line without secrets."""


class BaseUrlError(TransportError, ValueError):
    """A base URL or a credential cannot be used safely."""


class ForeignOriginError(TransportError):
    """A request that carries credentials is addressed to another origin than the configured one."""
