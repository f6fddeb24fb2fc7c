"""The end of an onboarding: which devices can join, and the code for one."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from openclaw_core.cli.onboard.companions import offer_companions
from openclaw_core.cli.onboard.interview import Defaults, Option, Person
from openclaw_core.cli.onboard.setup import Setup, Wanted
from openclaw_core.config import load_settings
from openclaw_core.protocol.setup import decode_setup_code
from openclaw_core.testing import TOKEN

from .conftest import Start

pytestmark = pytest.mark.anyio


class Scanning(Person):
    """A person with a phone in hand, who answers questions by the list."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def choose(self, question, options: tuple[Option, ...], default: str, check) -> str:  # type: ignore[no-untyped-def]
        for answer in ("maybe", "limited"):
            try:
                return str(check(answer))
            except ValueError as error:
                self.refused.append(str(error))
        return default


def setup_of(place: Path, interview: Person | Defaults, said: list[str], **overrides: object) -> Setup:
    settings = load_settings(place, {"auth.token": TOKEN, **overrides})
    return Setup(settings, Wanted(), interview, said.append)


async def test_a_code_and_its_picture_for_a_phone(start: Start, tmp_path: Path) -> None:
    gateway = await start({"bind": "lan"})
    said: list[str] = []
    person = Scanning()
    setup = setup_of(tmp_path, person, said, bind="lan", port=gateway.server.port)
    await asyncio.to_thread(offer_companions, setup)
    assert person.refused == ["'maybe' is none of no, node, limited, full"]
    at = next(index for index, line in enumerate(said) if line.startswith("Setup code for"))
    assert decode_setup_code(said[at + 1].strip()).bootstrap_token
    assert said[at + 2].startswith("It gives: role operator with operator.approvals, operator.read")
    assert any("▀" in line for line in said), "the QR code, in half blocks"


async def test_nobody_asked_no_code_shown(tmp_path: Path) -> None:
    said: list[str] = []
    offer_companions(setup_of(tmp_path, Defaults(), said, bind="lan"))
    assert said[-1].endswith("openclaw devices setup-code")
    for system in ("Windows", "macOS", "iOS", "Android"):
        assert any(line.strip().startswith(system) for line in said)


async def test_on_loopback_it_says_how_to_let_them_in(tmp_path: Path) -> None:
    said: list[str] = []
    offer_companions(setup_of(tmp_path, Person(), said))
    assert said[-1].strip() == "openclaw onboard --bind lan --tls"
