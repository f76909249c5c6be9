"""The SCIM 2.0 protocol (RFC 7642, RFC 7643, RFC 7644). Nothing here knows of synchronization.

`paths` and `filters` parse and print the grammar; `resources` and `patch` turn documents into
bodies; `dialects` shape requests; `client` sends one; `discovery` and `listing` ask what there is.
"""
