"""Gateways with a small family of the tests' own."""

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from openclaw_core import Command, Family
from openclaw_core.commands import ALL_PLATFORMS
from openclaw_core.testing import TestGateway, plugins_of


class Text(BaseModel):
    text: str


class Anything(BaseModel, extra="allow"):
    pass


def refusal(params: Any) -> str | None:
    return "demo.picky does not eat fish" if params == {"food": "fish"} else None


DEMO = Family(
    "demo",
    "Demo",
    caps=("demo",),
    commands=(
        Command("demo.echo", Text, Text, platforms=ALL_PLATFORMS, idempotent=True),
        Command("demo.any", Anything, Anything, platforms=ALL_PLATFORMS),
        Command("demo.linux", Anything, Anything, platforms=frozenset(("linux",))),
        Command("demo.admin", Anything, Anything, platforms=ALL_PLATFORMS, admin_approval=True),
        Command("demo.root", Anything, Anything, platforms=ALL_PLATFORMS, admin_invoke=True),
        Command("demo.risky", Anything, Anything, dangerous=True),
        Command(
            "demo.picky", Anything, Anything, platforms=ALL_PLATFORMS, admin_invoke=True, refuses=refusal
        ),
        Command("demo.hidden", Anything, Anything, platforms=ALL_PLATFORMS, private="use demo.method"),
    ),
)

MakeGateway = Callable[..., Any]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[MakeGateway]:
    """Starts gateways with the demo family: `await start({"auth.mode": "none"})`."""
    async with AsyncExitStack() as stack:

        async def make(
            overrides: dict[str, Any] | None = None,
            *,
            directory: Path | None = None,
            extra: Any = (),
            **options: Any,
        ) -> TestGateway:
            plugins = plugins_of(DEMO, extra=extra)
            return await stack.enter_async_context(
                TestGateway(directory or tmp_path / "state", plugins, overrides, **options)
            )

        yield make
