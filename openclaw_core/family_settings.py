"""Settings of capability families: `plugins.entries.<family>.config` of openclaw.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from openclaw_core.config_file import describe_setting, read_document
from openclaw_core.errors import ConfigError

__all__ = ["FamilySettings"]


class FamilySettings:
    """What openclaw.json says of each family; read once, checked when a family asks.

    Args:
        path: the file, for error texts.
        entries: `plugins.entries` as it stands there.
    """

    def __init__(self, path: Path, entries: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._entries = entries or {}

    @classmethod
    def load(cls, path: Path) -> FamilySettings:
        """Read the file; one that is missing says nothing of any family.

        Raises:
            ConfigError: it cannot be read, is not JSON5, or `plugins.entries` is no object.
        """
        plugins = read_document(path).get("plugins", {})
        entries = plugins.get("entries", {}) if isinstance(plugins, dict) else None
        if not isinstance(entries, dict):
            raise ConfigError(f'{path}: "plugins.entries" must be an object: family name → {{"config": …}}')
        return cls(path, entries)

    def of(self, family: str, model: type[BaseModel] | None) -> BaseModel | None:
        """A family's settings as its model; the model's defaults where nothing is said.

        Raises:
            ConfigError: a value is wrong; the text names its key.
        """
        if model is None:
            return None
        entry = self._entries.get(family, {})
        config = entry.get("config", {}) if isinstance(entry, dict) else None
        key = f"plugins.entries.{family}.config"
        if not isinstance(config, dict):
            raise ConfigError(f"{self._path}: {key} must be an object")
        try:
            return model.model_validate(config)
        except ValidationError as error:
            raise ConfigError(describe_setting(f"{self._path}: {key}.", error)) from None
