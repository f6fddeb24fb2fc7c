"""Bad arguments are told with the field's path, what is allowed and what came."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from openclaw_core.protocol.arguments import explain_arguments


class Place(BaseModel):
    x: Annotated[int, Field(ge=0, le=100)] = 0


class Args(BaseModel):
    model_config = ConfigDict(extra="forbid")

    facing: Literal["front", "back"] = "front"
    quality: Annotated[float, Field(gt=0, lt=1)] | None = None
    delay_ms: Annotated[int, Field(alias="delayMs", ge=0, le=10_000)] = 0
    names: Annotated[list[Annotated[str, Field(min_length=1, max_length=3)]], Field(max_length=2)] = []
    place: Place | None = None
    word: str = "even"

    @field_validator("word")
    @classmethod
    def _even(cls, value: str) -> str:
        if len(value) % 2:
            raise ValueError("must have an even number of letters")
        return value


def told(data: Any) -> tuple[str, list[dict[str, Any]]]:
    with pytest.raises(ValidationError) as caught:
        Args.model_validate(data)
    return explain_arguments(caught.value, Args)


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (
            {"facing": "up"},
            "at /facing: must be equal to one of the allowed values (allowed: front | back, got 'up')",
        ),
        ({"delayMs": 20_000}, "at /delayMs: must be <= 10000 (allowed: 0 to 10000, got 20000)"),
        ({"quality": 3}, "at /quality: must be < 1.0 (allowed: more than 0 and less than 1, got 3)"),
        (
            {"names": ["a", ""]},
            "at /names/1: must not have fewer than 1 characters (allowed: 1 to 3 characters, got '')",
        ),
        (
            {"names": ["a", "b", "c"]},
            "at /names: must not have more than 2 items (allowed: at most 2 items, got ['a', 'b', 'c'])",
        ),
        ({"place": {"x": -1}}, "at /place/x: must be >= 0 (allowed: 0 to 100, got -1)"),
        ({"word": "odd"}, "at /word: must have an even number of letters"),
        ({"colour": 1}, "unexpected property 'colour'"),
        (
            {"delayMs": "x" * 99},
            "at /delayMs: Input should be a valid integer, unable to parse string as an integer "
            f"(allowed: 0 to 10000, got '{'x' * 58}…)",
        ),
    ],
)
def test_field_problem_range_and_value(data: Any, text: str) -> None:
    assert told(data)[0] == text


def test_the_same_as_data() -> None:
    _, problems = told({"delayMs": -1, "facing": "up"})
    assert problems == [
        {
            "path": "/facing",
            "problem": "must be equal to one of the allowed values",
            "allowed": "front | back",
            "got": "'up'",
        },
        {"path": "/delayMs", "problem": "must be >= 0", "allowed": "0 to 10000", "got": "-1"},
    ]


def test_a_long_list_of_problems_is_cut() -> None:
    text, problems = told({"names": [""] * 2, **{f"x{n}": 1 for n in range(12)}})
    assert text.endswith("; and 6 more")
    assert len(problems) == 8
