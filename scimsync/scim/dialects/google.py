"""Requests as Google's automated user provisioning sends them, as far as that is published.

It provisions users and no groups (aws-ia/terraform-aws-iam-identity-center #32, #38, read
2026-11-29). How its requests look is not published: they follow RFC 7644.
"""

from __future__ import annotations

from typing import Final

from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.scim.shapes import Shape, Shapes

_SHAPE = Shape(absent="add")

GOOGLE: Final = ShapedDialect(Shapes(_SHAPE, _SHAPE), Shapes(_SHAPE, _SHAPE), has_groups=False)
