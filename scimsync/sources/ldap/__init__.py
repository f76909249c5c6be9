"""`type = "ldap"`: the entries of an LDAP server, such as OpenLDAP or Active Directory."""

from scimsync.sources.ldap.settings import LdapSettings

__all__ = ["LdapSettings"]
