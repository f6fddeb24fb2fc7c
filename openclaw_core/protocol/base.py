"""What every wire model shares: names, strictness, and how an optional field behaves."""

from __future__ import annotations

from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

__all__ = ["Integer", "NonEmpty", "Omittable", "OpenWire", "Timestamp", "UniqueItems", "Wire"]


class Wire(BaseModel):
    """A closed object of the protocol: camelCase on the wire, unknown fields refused.

    Python code constructs it with snake_case names; `model_validate` reads wire names only.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        strict=True,
    )

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """Read JSON data from a peer, to whom our snake_case names are unknown fields.

        Args:
            options: as pydantic's own, without `by_alias` and `by_name`.

        Raises:
            pydantic.ValidationError: `describe_problems` puts it into the protocol's words.
        """
        # Straight to the core validator: this runs for every frame.
        read: Self = cls.__pydantic_validator__.validate_python(obj, by_alias=True, by_name=False, **options)
        return read

    def to_wire(self) -> dict[str, Any]:
        """The JSON object as sent: fields that were never set are left out."""
        return self.model_dump(mode="json", exclude_unset=True)


class OpenWire(Wire):
    """An object read from a peer whose extra fields are tolerated."""

    model_config = ConfigDict(extra="ignore")


T = TypeVar("T")


def _refuse_null(value: Any) -> Any:
    if value is None:
        raise ValueError("must not be null; leave the field out instead")
    return value


def _whole_number(value: Any) -> Any:
    # JSON has one number type: 3.0 is the integer 3, as in the published schema. What 64 bits
    # cannot hold stays a float and is refused: it could not be encoded again.
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**63:
        return int(value)
    return value


Omittable = Annotated[T | None, BeforeValidator(_refuse_null)]
"""A field that may be absent (None here) but, as in the published schema, not null."""

NonEmpty = Annotated[str, Field(min_length=1)]
"""A string of at least one character."""

Integer = Annotated[int, BeforeValidator(_whole_number)]
"""A JSON integer; `3.0` counts."""

Timestamp = Annotated[int, BeforeValidator(_whole_number), Field(ge=0)]
"""Unix epoch in milliseconds."""


def _refuse_doubles(items: list[T]) -> list[T]:
    if len(set(items)) < len(items):
        raise ValueError("must not have duplicate items")
    return items


UniqueItems = AfterValidator(_refuse_doubles)
"""Marks a list of hashable items none of which may come twice."""
