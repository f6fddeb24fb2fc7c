"""`openclaw devices setup-code|join-code`: a code for one new device, as text, QR, link and command (6.6)."""

from __future__ import annotations

import io
import shlex
import time
from typing import Annotated, Any

import typer

from openclaw_core.cli.call import ADMIN, Call, as_command
from openclaw_core.cli.failure import CliError
from openclaw_core.cli.output import print_json, print_line
from openclaw_core.cli.setup_access import ACCESS, grants, validity

__all__ = ["join_code", "qr", "qr_text", "setup_code", "setup_lines"]


async def setup_code(
    call: Call,
    profile: Annotated[
        str, typer.Option("--profile", metavar="node|limited|full", help="What the code lets in.")
    ] = "node",
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="How the device reaches the gateway, if by proxy.")
    ] = None,
    link: Annotated[bool, typer.Option("--link", help="Also a link that leads to the code, once.")] = False,
    qr: Annotated[bool, typer.Option("--qr/--no-qr", help="Show the QR code.")] = True,
) -> None:
    """A setup code: one device pairs with it, once, within ten minutes, without further approval."""
    if profile not in ACCESS:
        raise typer.BadParameter(f"{profile!r} is none of {', '.join(ACCESS)}", param_hint="'--profile'")
    params: dict[str, Any] = {"joinUrl": True} if link else {}
    if call.as_json and qr:
        params["includeQr"] = True
    answer = await _issue(call, profile, public_url, params)
    if call.as_json:
        print_json(answer)
    else:
        _show(answer, drawn=qr)


async def _qr(
    call: Call,
    limited: Annotated[bool, typer.Option("--limited", help="Without the administrator's rights.")] = False,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="How the phone reaches the gateway, if by proxy.")
    ] = None,
    code_only: Annotated[
        bool, typer.Option("--setup-code-only", help="Print the code and nothing else.")
    ] = False,
    plain: Annotated[bool, typer.Option("--no-ascii", help="Draw no QR code.")] = False,
) -> None:
    """A QR code for a phone's app: it pairs as node and operator, once, within ten minutes."""
    answer = await _issue(call, "limited" if limited else "full", public_url, {})
    if call.as_json:
        print_json(answer)
    elif code_only:
        print_line(answer["setupCode"])
    else:
        _show(answer, drawn=not plain)


qr = as_command(_qr, ADMIN)


async def _issue(call: Call, profile: str, public_url: str | None, params: dict[str, Any]) -> dict[str, Any]:
    if profile != "full":
        params["bootstrapProfile"] = profile
    if public_url is not None:
        params["publicUrl"] = public_url
    answer: dict[str, Any] = await call.request("device.pair.setupCode", params)
    return answer


def _show(answer: dict[str, Any], *, drawn: bool) -> None:
    for line in setup_lines(answer, _now_ms()):
        print_line(line)
    if drawn:
        print_line()
        for line in qr_text(answer["setupCode"]):
            print_line(line)


async def join_code(
    call: Call,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="How the machine reaches the gateway, if by proxy.")
    ] = None,
) -> None:
    """A link that makes a machine a node: it works once, within ten minutes, without further approval."""
    params: dict[str, Any] = {"bootstrapProfile": "node", "includeQr": False, "joinUrl": True}
    if public_url is not None:
        params["publicUrl"] = public_url
    answer = await call.request("device.pair.setupCode", params)
    link = answer.get("joinUrl")
    if not isinstance(link, str):
        raise CliError(
            "this gateway makes no join links",
            code="NO_JOIN_LINK",
            steps=("use the code itself: openclaw devices setup-code",),
        )
    command = shlex.join(["openclaw", "node", "run", "--pair", link])
    facts = {"access": answer.get("access"), "expiresAtMs": answer.get("expiresAtMs")}
    call.show({"joinUrl": link, "command": command, **facts}, link, command, *_terms(answer, _now_ms()))


def setup_lines(answer: dict[str, Any], now_ms: int) -> list[str]:
    """What a person does with the code."""
    code, access = str(answer["setupCode"]), str(answer.get("access") or "full")
    lines = [f"Setup code for {ACCESS.get(access, access)}", f"  {code}", *_terms(answer, now_ms)]
    if access == "node":
        lines += ["On the other machine:", f"  {shlex.join(['openclaw', 'node', 'run', '--pair', code])}"]
    else:
        lines.append("Scan it with the app, or paste it there.")
    if answer.get("accessDowngraded"):
        lines.append("Without admin rights, as the way there is not encrypted: give a wss:// --public-url")
    if answer.get("joinUrl"):
        lines += ["Or with this link, which works once:", f"  {answer['joinUrl']}"]
    return lines


def _terms(answer: dict[str, Any], now_ms: int) -> list[str]:
    """What comes with the code, until when, and where it works."""
    access, expires = answer.get("access") or "full", answer.get("expiresAtMs")
    lines = []
    if access in ACCESS:
        lines.append(f"It gives: {grants(access)}")
        if access != "node":
            lines.append(
                "An app of a phone or a Mac becomes a node, too; its commands wait for your approval"
            )
    if isinstance(expires, int):
        lines.append(f"It works {validity(expires, now_ms)}, at {answer['gatewayUrl']}")
    return lines


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def qr_text(code: str) -> list[str]:
    """The QR code in half blocks, as a phone reads it from a terminal."""
    import segno  # no other command draws

    drawn = io.StringIO()
    segno.make(code, micro=False, error="l").terminal(drawn, compact=True, border=2)
    return drawn.getvalue().splitlines()
