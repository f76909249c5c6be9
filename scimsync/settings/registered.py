"""Validators of fields about which a registry decides: a name in it, or a table of a kind in it.

`config.load` passes the registries as pydantic's validation context, an object with one attribute
for each registry.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BeforeValidator, ValidationError, ValidationInfo, WithJsonSchema
from pydantic_core import InitErrorDetails

from scimsync.model.did_you_mean import did_you_mean
from scimsync.registry import Registry
from scimsync.settings.table import Table, invalid
from scimsync.settings.text_types import quoted, toml_type
from scimsync.settings.validation_errors import example, invalid_settings

SCHEMA_MARK = "x-registry"
"""The key by which the JSON Schema of a field names the registry that decides about it."""


_MOST_SHOWN = 20
"""The number of names that a message lists."""


def schema_mark(registry: str) -> WithJsonSchema:
    """Return the JSON Schema of a field about which `registry` decides; see `json_schema`."""
    return WithJsonSchema({SCHEMA_MARK: registry})


def registered_name(registry: str) -> BeforeValidator:
    """Return the validator of a field that contains a name of `registry`."""

    def read(value: object, info: ValidationInfo) -> object:
        _check_name(value, getattr(info.context, registry))
        return value

    return BeforeValidator(read)


def registered_table(registry: str, *, show: bool = True) -> BeforeValidator:
    """Return the validator of a table whose `type` is a name of `registry`.

    The registry contains the models of such tables. Without `show`, messages do not repeat a wrong
    `type`, which may be a secret in the wrong place.
    """

    def read(value: object, info: ValidationInfo) -> object:
        if not isinstance(value, dict):
            raise invalid(f"must be a table, not {toml_type(value)}", code="SYNC-0110")
        models: Registry[type[Table]] = getattr(info.context, registry)
        if "type" not in value:
            _check_misspelt(value, ["type"])
            hint = " or ".join(f'"{name}"' for name in models)
            raise invalid("type is missing", hint=f"write type = {hint}", code="SYNC-0107")
        _check_name(value["type"], models, below=("type",), show=show)
        return validate_table(models[value["type"]], value, info)

    return BeforeValidator(read)


def receiver_table(registry: str) -> BeforeValidator:
    """Return the validator of a table that has one of the names of `registry` as a key.

    The registry contains the models of such tables.
    """

    def read(value: object, info: ValidationInfo) -> object:
        if not isinstance(value, dict):
            raise invalid(f"must be a table, not {toml_type(value)}", code="SYNC-0110")
        models: Registry[type[Table]] = getattr(info.context, registry)
        named = [name for name in models if name in value]
        if not named:
            _check_misspelt(value, models)
        if len(named) != 1:
            first, model = next(iter(models.items()))
            raise invalid(
                f"needs one of {' and '.join(models)}",
                hint=example(first, model),
                code="SYNC-0127",
            )
        return validate_table(models[named[0]], value, info)

    return BeforeValidator(read)


def validate_table(model: type[Table], value: object, info: ValidationInfo) -> Table:
    """Validate `value` by `model` within another validation, and explain what is wrong with it."""
    try:
        return model.model_validate(value, context=info.context)
    except ValidationError as error:
        problems = [
            InitErrorDetails(
                type=invalid(each.message, code=each.code, hint=each.hint, found=each.found),
                loc=each.parts,
                input=None,
            )
            for each in invalid_settings(error, model)
        ]
        raise ValidationError.from_exception_data(model.__name__, problems) from None


def _check_name(
    value: object, known: Registry[object], below: tuple[str, ...] = (), *, show: bool = True
) -> None:
    if not isinstance(value, str):
        raise invalid(
            f"must be a string in quotes, not {toml_type(value)}", below=below, code="SYNC-0110"
        )
    if value not in known:
        raise invalid(
            f"{known.what} {quoted(value)} is unknown"
            if show
            else f"this {known.what} is unknown (it is not shown here)",
            code="SYNC-0122",
            found=_known(known),
            hint=did_you_mean(value, known),
            below=below,
        )


def _known(known: Registry[object]) -> str:
    """Return the names of a registry, or the first of many, for messages."""
    names = list(known)
    if len(names) <= _MOST_SHOWN:
        return f"known: {', '.join(names)}"
    return f"known: {len(names)} names, listed by scimsync {known.what}s"


def _check_misspelt(table: Mapping[str, object], known: Iterable[str]) -> None:
    names = list(known)
    for key in table:
        if (meant := did_you_mean(key, names)) is not None:
            raise invalid("unknown key", hint=meant, below=(key,), code="SYNC-0106")
