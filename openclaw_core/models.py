"""Bases for a family's pydantic models: JSON as the programs in the field write it.

They speak camelCase, send null for absent, and write 3.0 where an integer is meant.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

__all__ = ["Params", "Result", "Settings", "Whole"]


def _whole_number(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = BeforeValidator(_whole_number)
"""For integers: JSON has one number type, so 3.0 is 3. It stands last, or the schema lacks the range:
`Annotated[int, Field(ge=1), Whole]`."""


class _Camel(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,  # built when first used: a gateway that starts does not wait for it
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        strict=True,
    )


class Params(_Camel):
    """What a caller sends: unknown fields are ignored, null counts as absent."""

    model_config = ConfigDict(extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data


class Result(_Camel):
    """What a node answers: unknown fields stay, so that a newer app's answer passes whole.

    A field that is None is left out unless it was set to None; one named in `omitted` always.
    """

    model_config = ConfigDict(extra="allow")
    omitted: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _without_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        wire: dict[str, Any] = handler(self)
        said = {to_camel(name) for name in self.model_fields_set} - self.omitted
        return {key: value for key, value in wire.items() if value is not None or key in said}


class Settings(_Camel):
    """A family's settings in openclaw.json: a key nobody knows is an error."""

    # Not strict: paths are written as texts, and a file has no tuples.
    model_config = ConfigDict(extra="forbid", strict=False)
