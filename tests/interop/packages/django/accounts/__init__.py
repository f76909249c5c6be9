"""The users and groups of a site that has django-scim2."""
