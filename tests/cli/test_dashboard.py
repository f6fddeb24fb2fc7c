"""`openclaw dashboard`: a link that lets one browser in, once."""

from __future__ import annotations

import re

import pytest

from openclaw_core.cli.dashboard import DashboardLink
from openclaw_core.protocol.setup import decode_setup_code
from openclaw_core.testing import FakeDevice, operator_params

from .conftest import Cli, Start

pytestmark = pytest.mark.anyio


async def test_the_link_lets_one_browser_in_with_every_right(start: Start, cli: Cli) -> None:
    gateway = await start()
    shown = await cli("dashboard")
    assert shown.code == 0, shown.err
    link, validity = shown.out.splitlines()
    page, _, code = link.partition("#setup=")
    assert page == gateway.url.replace("ws://", "http://") + "/"
    assert re.fullmatch(
        r"It lets one browser in, with every right, once, within 10m, until \d\d:\d\d\. It gives: role "
        r"operator with operator\.admin, operator\.approvals, operator\.pairing, .*operator\.write\.",
        validity,
    )
    offer = decode_setup_code(code)
    auth = {"bootstrapToken": offer.bootstrap_token}
    browser = {"id": "openclaw-control-ui", "version": "1", "platform": "web", "mode": "ui"}
    params = operator_params(token=None, auth=auth, client=browser, scopes=["operator.admin"])
    first = await gateway.wire(origin=page.rstrip("/"))
    answer = await first.connect(params, FakeDevice())
    assert answer["payload"]["auth"]["scopes"] == ["operator.admin"]
    second = await gateway.wire(origin=page.rstrip("/"))
    assert not (await second.connect(params, FakeDevice()))["ok"]


async def test_without_authentication_the_page_asks_to_pair(start: Start, cli: Cli) -> None:
    gateway = await start({"auth.mode": "none"})
    answer = await cli("dashboard", "--json", "--no-open", OPENCLAW_GATEWAY_AUTH_MODE="none")
    assert answer.code == 0, answer.err
    assert answer.json == {
        "url": gateway.url.replace("ws://", "http://") + "/",
        "expiresAtMs": None,
        "access": None,
    }


def test_a_link_over_a_plain_connection_promises_no_more_than_it_gives() -> None:
    said = DashboardLink("http://192.0.2.7/#setup=x", 0, "limited").validity
    assert "without administrator's rights" in said
    assert "admin" not in said.partition("It gives")[2]
