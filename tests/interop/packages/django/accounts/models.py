"""Users and groups with the attributes that django-scim2 stores, as its documentation shows."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from django_scim.models import AbstractSCIMGroupMixin, AbstractSCIMUserMixin


class Company(AbstractSCIMGroupMixin):
    """A group."""

    name = models.CharField(max_length=150, unique=True)


class Account(AbstractSCIMUserMixin, AbstractUser):
    """A user."""

    companies = models.ManyToManyField(Company, related_name="user_set")

    @property
    def scim_groups(self) -> models.Manager:
        """Return the groups of a user."""
        return self.companies
