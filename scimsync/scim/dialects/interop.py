"""Requests as the SCIM 2.0 Interoperability Profile requires.

draft-zollner-scim-interop-profile-01 (2026-04-15, read 2026-11-29): PATCH only, each operation with
a path, filters in paths that end in a sub-attribute, no conditional headers.
"""

from __future__ import annotations

from typing import Final

from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.scim.shapes import Shape, Shapes

_SHAPE = Shape(absent="add", element="value")

INTEROP: Final = ShapedDialect(Shapes(_SHAPE, _SHAPE), Shapes(_SHAPE, _SHAPE))
