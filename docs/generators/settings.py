"""The configuration reference: keys, types and defaults from the code, meanings from configuration.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from pydantic import BaseModel

from docs.generators.schema import fields_table
from docs.generators.table import code, table
from openclaw_core import config

__all__ = ["environment", "keys", "meanings", "reference", "variables"]

TEXTS = Path(__file__).parents[1] / "configuration.toml"


def meanings() -> dict[str, dict[str, str]]:
    """`keys`: what each key below `gateway` means; `variables`: the same of the environment."""
    found: dict[str, dict[str, str]] = tomllib.loads(TEXTS.read_text("utf-8"))
    return found


def keys(model: type[BaseModel] = config.GatewayConfig, prefix: str = "") -> Iterator[str]:
    """Every key below `gateway` that holds a value, dotted."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, f"{path}.")
        else:
            yield path


def variables() -> dict[str, str | None]:
    """Variable of the environment → the key below `gateway` it beats, or None."""
    names = config.Environment.model_fields
    told: Any = SimpleNamespace(**{name: name for name in names})
    beaten = {name: key for key, name in config._from_environment(told).items()}
    return {f"OPENCLAW_{name.upper()}": beaten.get(name) for name in names}


def reference(_: str) -> str:
    """One table of every key below `gateway`."""
    beats = {key: name for name, key in variables().items() if key}
    texts = {
        key: f"{text} Variable: `{beats[key]}`." if key in beats else text
        for key, text in meanings()["keys"].items()
    }
    return fields_table(config.GatewayConfig, "key below `gateway`", texts)


def environment(_: str) -> str:
    """One table of every variable."""
    texts = meanings()["variables"]
    fields = config.Environment.model_fields
    rows = []
    for name, key in variables().items():
        default = fields[name.removeprefix("OPENCLAW_").lower()].default
        says = f"beats `gateway.{key}`" if key else texts[name]
        rows.append((code(name), "" if default is None else code(default), says))
    return table(("variable", "default", "meaning"), rows)
