"""Act as Okta, Entra, and others towards an application under development, and judge its SCIM API.

The sequences are in `sequences/`, what their steps check is in `checks/`. The engine sends the
steps, reads back what writes have stored, and removes all that it has made (`ledger.py`).
"""
