"""Dice: a whole capability family, as somebody else would write it."""

import secrets

from pydantic import BaseModel, Field

from openclaw_core import Example, Family, NodeContext, command, hookimpl
from openclaw_core.commands import ALL_PLATFORMS


class Throw(BaseModel):
    count: int = Field(1, ge=1, le=100)
    sides: int = Field(6, ge=2, le=1000)


class Rolled(BaseModel):
    rolls: list[int]


@command("dice.roll", platforms=ALL_PLATFORMS, examples=(Example({"count": 2}, {"rolls": [3, 5]}),))
async def roll(args: Throw, node: NodeContext) -> Rolled:
    """Roll dice."""
    return Rolled(rolls=[secrets.randbelow(args.sides) + 1 for _ in range(args.count)])


@hookimpl
def openclaw_family() -> Family:
    return Family("dice", "Dice", (roll,), caps=("dice",))
