"""Requests as JumpCloud's custom SCIM integration sends them, as far as that is published.

Members are removed by a list of values, without a filter
(app.uni-moni.com/en/kb/sso-setup-jumpcloud), and there are no extension schemas
(support.jumpcloud.com, Custom-SCIM-Identity-Management); both read 2026-11-29. How it changes users
is not published: they follow RFC 7644.
"""

from __future__ import annotations

from typing import Final

from scimsync.scim.dialects.shaped import ShapedDialect
from scimsync.scim.shapes import Shape, Shapes

_SHAPE = Shape(absent="add", member_removal="values")

JUMPCLOUD: Final = ShapedDialect(Shapes(_SHAPE, _SHAPE), Shapes(_SHAPE, _SHAPE))
