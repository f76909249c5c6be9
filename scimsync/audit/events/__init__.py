"""Export applied operations as Security Event Tokens (SETs).

RFC 8417 defines the token, RFC 9967 the SCIM events in it, and RFC 8935 how it is posted.
"""

from scimsync.audit.events.export import export_events, next_export

__all__ = ["export_events", "next_export"]
