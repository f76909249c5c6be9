"""The SCIM 2.0 protocol (RFC 7642, RFC 7643, RFC 7644), independent of synchronization.

`paths` and `filters` parse and print the grammar. `resources` and `patch` turn documents into
request bodies, and `dialects` shape requests. `client` sends a request. `discovery` and `listing`
read capabilities and lists of resources.
"""
