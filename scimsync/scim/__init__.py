"""The SCIM 2.0 protocol (RFC 7643, RFC 7644, RFC 7642), knowing nothing of synchronisation.

`paths` and `filters` read and print the grammar; `resources` and `patch` turn documents into bodies
and back; `dialects` shape requests; `client` sends one; `errors` says what came of it.
"""
