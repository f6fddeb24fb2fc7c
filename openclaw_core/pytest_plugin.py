"""Fixtures for families' tests; loaded by every pytest run, so it imports nothing until one is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from openclaw_core.commands import Family
    from openclaw_core.testing import TestGateway

__all__ = ["openclaw_gateway"]


@pytest.fixture
def openclaw_gateway(tmp_path: Path) -> Callable[..., TestGateway]:
    """Makes a gateway that serves the given families or plugin objects.

    Keywords are settings below `gateway`, dots written as two underscores:
    `openclaw_gateway(FAMILY, nodes__commands__allow=["lamp.burn"])`.
    """

    def make(*served: Family | object, **settings: Any) -> TestGateway:
        from openclaw_core.commands import Family
        from openclaw_core.testing import TestGateway, plugins_of

        families = [item for item in served if isinstance(item, Family)]
        extra = [item for item in served if not isinstance(item, Family)]
        overrides = {key.replace("__", "."): value for key, value in settings.items()}
        return TestGateway(tmp_path / "gateway", plugins_of(*families, extra=extra), overrides)

    return make
