"""The kinds of POST /act, each with what it needs."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from openclaw_browser.node.failures import RouteError

__all__ = [
    "Action",
    "Batch",
    "Click",
    "ClickCoords",
    "Close",
    "Drag",
    "Evaluate",
    "Fill",
    "FormField",
    "Hover",
    "InsertText",
    "Press",
    "Resize",
    "ScrollIntoView",
    "Select",
    "Type",
    "Wait",
    "read_action",
]

T = TypeVar("T")
Milliseconds = Annotated[int, Field(ge=0)]
Delay = Annotated[int, Field(ge=0, le=5_000)]
Timeout = Annotated[int | None, Field(ge=1)]
Button = Literal["left", "right", "middle"]
Modifier = Literal["Alt", "Control", "ControlOrMeta", "Meta", "Shift"]
Side = Annotated[int, Field(ge=1, le=8192)]
MOST_ACTIONS, MOST_NESTING = 100, 5


class _Model(BaseModel):
    # Not strict: "true" and "3" come from command lines.
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", frozen=True, populate_by_name=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if value is not None}
        return data


class _Action(_Model):
    target_id: str | None = None
    timeout_ms: Timeout = None


class _OnElement(_Action):
    ref: str | None = None
    selector: str | None = None

    @model_validator(mode="after")
    def _need_an_element(self) -> Self:
        if not (self.ref or self.selector):
            raise ValueError("ref or selector is required; a ref is e.g. e7, from GET /snapshot")
        return self


class Click(_OnElement):
    """Click an element."""

    kind: Literal["click"]
    double_click: bool = False
    button: Button = "left"
    modifiers: list[Modifier] = Field(default_factory=list)
    delay_ms: Delay = 0


class ClickCoords(_Action):
    """Click a point of the viewport, in CSS pixels."""

    kind: Literal["clickCoords"]
    x: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    y: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    double_click: bool = False
    button: Button = "left"
    delay_ms: Delay = 0


class Type(_OnElement):
    """Replace an element's text; `slowly` types key by key, `submit` presses Enter after."""

    kind: Literal["type"]
    text: str
    submit: bool = False
    slowly: bool = False


class InsertText(_Action):
    """Insert text where the focus is."""

    kind: Literal["insertText"]
    text: str


class Press(_Action):
    """Press a key or chord, e.g. `Enter`, `Control+A`."""

    kind: Literal["press"]
    key: Annotated[str, Field(min_length=1)]
    delay_ms: Delay = 0

    @field_validator("key")
    @classmethod
    def _name_keys(cls, key: str) -> str:
        return "Space" if key == " " else "+".join(_KEYS.get(part.lower(), part) for part in key.split("+"))


class Hover(_OnElement):
    """Move the pointer onto an element."""

    kind: Literal["hover"]


class ScrollIntoView(_OnElement):
    """Scroll until an element is visible."""

    kind: Literal["scrollIntoView"]


class Drag(_Action):
    """Drag one element onto another."""

    kind: Literal["drag"]
    start_ref: str | None = None
    start_selector: str | None = None
    end_ref: str | None = None
    end_selector: str | None = None

    @model_validator(mode="after")
    def _need_both_ends(self) -> Self:
        if not (self.start_ref or self.start_selector) or not (self.end_ref or self.end_selector):
            raise ValueError("startRef (or startSelector) and endRef (or endSelector) are required")
        return self


class Select(_OnElement):
    """Choose options of a list, by value or text."""

    kind: Literal["select"]
    values: Annotated[list[str], Field(min_length=1)]


class FormField(_Model):
    """One field of `fill`; `type` is `text`, `checkbox`, `radio` or the input's own."""

    model_config = ConfigDict(extra="forbid")

    ref: Annotated[str, Field(min_length=1)]
    type: str = "text"
    value: str | int | float | bool | None = None


class Fill(_Action):
    """Fill several fields of a form."""

    kind: Literal["fill"]
    fields: Annotated[list[FormField], Field(min_length=1, max_length=MOST_ACTIONS)]


class Resize(_Action):
    """Change the viewport, in CSS pixels."""

    kind: Literal["resize"]
    width: Side
    height: Side


class Wait(_Action):
    """Wait for a time, or for something to be so; several conditions hold one after another."""

    kind: Literal["wait"]
    time_ms: Annotated[int | None, Field(ge=0, le=30_000)] = None
    text: str | None = None
    text_gone: str | None = None
    selector: str | None = None
    url: str | None = None
    load_state: Literal["load", "domcontentloaded", "networkidle"] | None = None
    fn: str | None = None

    @model_validator(mode="after")
    def _need_a_condition(self) -> Self:
        parts = (self.text, self.text_gone, self.selector, self.url, self.load_state, self.fn)
        if self.time_ms is None and not any(parts):
            raise ValueError("one of timeMs, text, textGone, selector, url, loadState, fn is required")
        return self


class Evaluate(_Action):
    """Run JavaScript in the page: a function, an expression, or statements with `return`."""

    kind: Literal["evaluate"]
    fn: Annotated[str, Field(min_length=1)]
    ref: str | None = None


class Close(_Action):
    """Close the tab."""

    kind: Literal["close"]


class Batch(_Action):
    """Several actions one after another."""

    kind: Literal["batch"]
    actions: Annotated[list[Action], Field(min_length=1, max_length=MOST_ACTIONS)]
    stop_on_error: bool = True


Action = Annotated[
    Click
    | ClickCoords
    | Type
    | InsertText
    | Press
    | Hover
    | ScrollIntoView
    | Drag
    | Select
    | Fill
    | Resize
    | Wait
    | Evaluate
    | Close
    | Batch,
    Field(discriminator="kind"),
]
Batch.model_rebuild()
_ADAPTER: TypeAdapter[Action] = TypeAdapter(Action)
_KINDS = (
    "click, clickCoords, type, insertText, press, hover, scrollIntoView, drag, select, fill, resize, wait,"
    " evaluate, close, batch"
)
_WITH_SELECTOR = frozenset({"batch", "click", "drag", "hover", "scrollIntoView", "select", "type", "wait"})
_KEYS = {
    "esc": "Escape",
    "return": "Enter",
    "del": "Delete",
    "ctrl": "Control",
    "cmd": "Meta",
    "space": "Space",
}


def read_action(body: dict[str, Any]) -> Action:
    """The action a POST /act asks for.

    Raises:
        RouteError: the body is none; the text names the field.
    """
    kind = body.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS.split(", "):
        raise RouteError(400, f"kind is required, one of {_KINDS}", code="ACT_KIND_REQUIRED")
    if "selector" in body and kind not in _WITH_SELECTOR:
        raise RouteError(
            400,
            f"{kind} takes no selector; take a snapshot and pass the element's ref",
            code="ACT_SELECTOR_UNSUPPORTED",
        )
    try:
        action = _ADAPTER.validate_python(body)
    except ValidationError as error:
        raise RouteError(400, _problems(error), code="ACT_INVALID_REQUEST") from None
    if isinstance(action, Batch) and not _is_within_bounds(action):
        raise RouteError(
            400,
            f"a batch holds at most {MOST_ACTIONS} actions, batches in it to {MOST_NESTING} levels",
            code="ACT_INVALID_REQUEST",
        )
    return action


def _is_within_bounds(batch: Batch, level: int = 0) -> bool:
    return (
        level <= MOST_NESTING
        and _count(batch) <= MOST_ACTIONS
        and all(_is_within_bounds(item, level + 1) for item in batch.actions if isinstance(item, Batch))
    )


def _count(batch: Batch) -> int:
    return sum(1 + (_count(item) if isinstance(item, Batch) else 0) for item in batch.actions)


def _problems(error: ValidationError) -> str:
    texts = []
    for item in error.errors(include_url=False, include_context=False)[:5]:
        kind, *path = item["loc"] or ("",)
        place = "/".join(str(part) for part in path) or str(kind)
        texts.append(f"{place}: {item['msg'].removeprefix('Value error, ')}")
    return "; ".join(texts)
