"""`scimsync demo`: a made-up company, a real SCIM server on loopback, and two days of pushes.
`tell` is the whole of it."""

from scimsync.cli.demonstration.story import tell

__all__ = ["tell"]
