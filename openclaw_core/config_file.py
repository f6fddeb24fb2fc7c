"""openclaw.json as text: read it, and say what is wrong in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from openclaw_core.errors import ConfigError

__all__ = ["describe_setting", "read_document", "why_unreadable"]


def read_document(path: Path) -> dict[str, Any]:
    """The whole of openclaw.json; empty when there is none.

    Raises:
        ConfigError: it cannot be read, or is no JSON5 object.
    """
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path} cannot be read: {why_unreadable(error)}; make it a UTF-8 file that this user may "
            "read, or name another one with OPENCLAW_CONFIG_PATH"
        ) from None
    import json5  # 20 ms that only a configured machine pays

    try:
        document = json5.loads(text)
    except ValueError as error:
        raise ConfigError(f"{path} is not JSON5: {error}; correct it there") from None
    if not isinstance(document, dict):
        raise ConfigError(f'{path} must hold an object, e.g. {{"gateway": {{"port": 18789}}}}')
    return document


def describe_setting(prefix: str, error: ValidationError, *, upper: bool = False) -> str:
    """The first problem as a sentence: key, value (never a secret's) and cure."""
    first = error.errors(include_url=False)[0]
    key = ".".join(str(part) for part in first["loc"])
    # A secret of the wrong type is a secret all the same.
    hidden = key.endswith(("oken", "assword", "store.url", "store_url"))
    value = "not usable" if hidden else _shorten(repr(first["input"]))
    problem = "must be an object" if first["type"] == "model_type" else first["msg"]
    key = key.upper() if upper else key
    return f"{prefix}{key} is {value}: {problem}; correct it, or leave it out for the default"


def _shorten(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:79]}…"


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """The reason a file could not be read or written, for a sentence."""
    return error.strerror or str(error) if isinstance(error, OSError) else "it is not UTF-8 text"
