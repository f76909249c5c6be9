"""What sources of directory entries share: LDAP servers and LDIF files.

An entry has a distinguished name (DN) and attributes with one or more values of bytes (RFC 4512).
`columns` turns it into a record with typed values, and `references` replaces DNs by keys.
"""
