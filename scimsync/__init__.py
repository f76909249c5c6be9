"""scimsync keeps accounts in apps right over SCIM 2.0, from the place where the truth about people
is kept."""

__version__ = "0.1.0"
