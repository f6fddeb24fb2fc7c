"""Params and results of the `canvas.*` commands (PROTOCOL 18.2), and what a user's action is.

Params take null for absent and ignore fields they do not know, as the programs in the field
send both. Results keep what they do not know: a real app's answer passes whole.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from openclaw_canvas.a2ui import find_problem, parse_lines

__all__ = [
    "CanvasResult",
    "EvalParams",
    "EvalResult",
    "HideParams",
    "NavigateParams",
    "Placement",
    "PresentParams",
    "PushLinesParams",
    "PushParams",
    "PushResult",
    "ResetParams",
    "SnapshotParams",
    "SnapshotResult",
    "UserAction",
    "UserActionEvent",
]

MAX_TEXT = 8_000_000
SOME_PROBLEMS = 5


class _Params(BaseModel):
    model_config = ConfigDict(
        alias_generator=to_camel,
        defer_build=True,  # a gateway that starts has no use for them yet
        extra="ignore",
        frozen=True,
        populate_by_name=True,
        serialize_by_alias=True,
        strict=True,
    )


class _Result(_Params):
    model_config = ConfigDict(extra="allow")


def _check_messages(messages: list[Any]) -> list[Any]:
    for index, message in enumerate(messages):
        problem = find_problem(message)
        if problem:
            text = "message {number} {problem}"
            raise PydanticCustomError("a2ui_message", text, {"number": index + 1, "problem": problem})
    return messages


def _check_lines(text: str) -> str:
    lines = parse_lines(text)
    wrong = [f"line {number} {problem}" for number, _, problem in lines if problem]
    if wrong:
        more = f"; and {len(wrong) - SOME_PROBLEMS} more" if len(wrong) > SOME_PROBLEMS else ""
        raise PydanticCustomError(
            "a2ui_lines", "{problems}", {"problems": "; ".join(wrong[:SOME_PROBLEMS]) + more}
        )
    if not lines:
        raise PydanticCustomError("a2ui_lines", "holds no message; write one A2UI message per line")
    return text


def _whole_number(value: Any) -> Any:
    # JSON has one number type: 3.0 is the integer 3.
    return int(value) if isinstance(value, float) and value.is_integer() else value


Url = Annotated[str, Field(min_length=1, max_length=8_192)]
Pixels = Annotated[float, Field(ge=1, le=16_384, allow_inf_nan=False)]
Offset = Annotated[float, Field(ge=-65_536, le=65_536, allow_inf_nan=False)]


class Placement(_Params):
    """Where the canvas goes on the screen, in CSS px; what is absent stays as it is."""

    x: Offset | None = None
    y: Offset | None = None
    width: Pixels | None = None
    height: Pixels | None = None


class PresentParams(_Params):
    """`canvas.present`: show the canvas; without `url` with what it shows already."""

    url: Url | None = None
    placement: Placement | None = None


class HideParams(_Params):
    """`canvas.hide` takes nothing."""


class NavigateParams(_Params):
    """`canvas.navigate`: a hosted path, an `openclaw-canvas:///` URL, or http(s)."""

    url: Url


class EvalParams(_Params):
    """`canvas.eval`: a JavaScript program; its last expression is the result, awaited if a promise."""

    java_script: Annotated[str, Field(min_length=1, max_length=1_000_000)]


class SnapshotParams(_Params):
    """`canvas.snapshot`: a picture of what is visible.

    Attributes:
        max_width: widest picture, in px; a wider page is scaled down.
        quality: of a JPEG, 0.05 to 1; 0.9 when absent.
        format: png when absent.
    """

    max_width: Annotated[int, Field(ge=16, le=16_384), BeforeValidator(_whole_number)] | None = None
    quality: Annotated[float, Field(ge=0.05, le=1, allow_inf_nan=False)] | None = None
    format: Literal["png", "jpeg"] | None = None


class PushParams(_Params):
    """`canvas.a2ui.push`: messages of A2UI 0.8 or 0.9, applied in order."""

    messages: Annotated[list[Any], Field(min_length=1, max_length=10_000), AfterValidator(_check_messages)]


class PushLinesParams(_Params):
    """`canvas.a2ui.pushJSONL`: the same, one message per line."""

    jsonl: Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_check_lines)]

    @property
    def messages(self) -> list[Any]:
        """The messages, in order."""
        return [message for _, message, _ in parse_lines(self.jsonl)]


class ResetParams(_Params):
    """`canvas.a2ui.reset` takes nothing."""


class CanvasResult(_Result):
    """Done; apps answer with `ok`, with more, or with nothing."""

    ok: bool = True


class EvalResult(_Result):
    """What the program gave, as JSON data; undefined is null."""

    result: Any = None


class SnapshotResult(_Result):
    """A picture, base64."""

    format: Literal["png", "jpeg", "jpg"]
    base64: str


class PushResult(CanvasResult):
    """Done; our nodes tell the ids of the surfaces that are shown."""

    surfaces: list[str] | None = None


class UserAction(_Result):
    """What somebody did on a surface, as A2UI names it."""

    name: Annotated[str, Field(min_length=1, max_length=256)]
    surface_id: Annotated[str, Field(max_length=256)]
    source_component_id: Annotated[str, Field(max_length=256)]
    timestamp: Annotated[str, Field(max_length=64)]
    context: dict[str, Any] = Field(default_factory=dict)


class UserActionEvent(_Result):
    """Payload of the node event `canvas.a2ui.action`."""

    version: Annotated[str, Field(max_length=16)] = "v0.8"
    user_action: UserAction
