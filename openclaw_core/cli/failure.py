"""From an exception to what a person reads and the exit code a script reads.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 no gateway, 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeGuard

import typer

from openclaw_core.cli.output import clean, print_json
from openclaw_core.errors import GatewayUnreachableError, OpenClawError, PluginError

__all__ = ["FAILED", "NO_GATEWAY", "USAGE", "CliError", "funnel", "next_steps", "print_failure", "report"]

FAILED = 1
USAGE = 2
NO_GATEWAY = 3

_DEFAULT_CODES = {
    "ConfigError": "CONFIG",
    "GatewayUnreachableError": "GATEWAY_UNREACHABLE",
    "PluginError": "PLUGIN",
}

_TOKEN_CODES = frozenset({"AUTH_TOKEN_MISSING", "AUTH_TOKEN_MISMATCH", "AUTH_REQUIRED", "AUTH_UNAUTHORIZED"})
_PASSWORD_CODES = frozenset({"AUTH_PASSWORD_MISSING", "AUTH_PASSWORD_MISMATCH"})


class CliError(OpenClawError):
    """A command cannot go on.

    Args:
        message: what was wrong, with the value.
        code: stable word for scripts (`error.code` with `--json`).
        details: JSON object for scripts.
        steps: lines for a person, the last ending with the command to type.
        exit_code: 1, 2 or 3.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str,
        details: dict[str, Any] | None = None,
        steps: tuple[str, ...] = (),
        exit_code: int = FAILED,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.details = details
        self.steps = steps
        self.exit_code = exit_code


@contextmanager
def funnel(*, as_json: bool = False, doing: str | None = None) -> Iterator[None]:
    """Turn every error of a command's body into its report and exit code; the arguments as for `report`.

    Raises:
        typer.Exit: with the exit code, for every error this project raises or did not foresee.
    """
    try:
        yield
    except (typer.Exit, typer.Abort, typer.BadParameter, BrokenPipeError):
        raise
    except Exception as error:  # the last stop before the shell: report it, whatever it is
        raise typer.Exit(report(error, as_json=as_json, doing=doing)) from error


def report(error: Exception, *, as_json: bool, doing: str | None = None) -> int:
    """Print one error: `error: …` and next steps on stderr; with `--json` an object on stdout.

    Args:
        doing: words of the command whose error line begins with them, e.g. `nodes notify`, which
            gives `nodes notify failed: …` (PROTOCOL 21.3).

    Returns:
        The exit code of the process.
    """
    message = _message(error)
    if as_json:
        code = getattr(error, "code", None) or _DEFAULT_CODES.get(type(error).__name__, "INTERNAL")
        print_failure(code, message, getattr(error, "details", None))
    begin = f"{doing} failed" if doing else "error"
    sys.stderr.write(f"{begin}: {clean(message)}\n")
    steps = next_steps(error)
    if not steps and doing is not None and " params: " in message:
        steps = (f"see what it takes: openclaw {doing} --help",)
    sys.stderr.writelines(f"  {clean(step)}\n" for step in steps)
    if os.environ.get("OPENCLAW_DEBUG") == "1":
        traceback.print_exception(error)
    if isinstance(error, CliError):
        return error.exit_code
    return NO_GATEWAY if isinstance(error, GatewayUnreachableError) else FAILED


def _message(error: Exception) -> str:
    if isinstance(error, OpenClawError):
        return str(error)
    if _is_full(error):
        return f"cannot write the output: {error.strerror}"
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def print_failure(code: str, message: str, details: Any = None) -> None:
    """The object on stdout that tells a program what went wrong."""
    error = {"type": "cli_error", "code": code, "message": message, "details": details}
    print_json({"ok": False, "error": error})


def next_steps(error: Exception) -> tuple[str, ...]:
    """What a person can do about it; the last line ends with the command to type."""
    if isinstance(error, CliError):
        return error.steps
    if isinstance(error, PluginError):
        return (error.cure,)
    if isinstance(error, GatewayUnreachableError):
        return ("or name the gateway you mean: openclaw gateway status --url ws://HOST:18789 --token TOKEN",)
    details = getattr(error, "details", None)
    if isinstance(details, dict):
        return _steps_for(details) or _steps_for_text(str(error))
    if isinstance(error, OpenClawError):
        return _steps_for_text(str(error))
    if _is_full(error):
        return ("make room, or write elsewhere: the same command with > FILE",)
    return ("this is a bug; run the same command with OPENCLAW_DEBUG=1 and report the traceback",)


def _is_full(error: Exception) -> TypeGuard[OSError]:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _steps_for(details: dict[str, Any]) -> tuple[str, ...]:
    code, reason = details.get("code"), details.get("reason")
    request = details.get("requestId") or details.get("pendingRequestId")
    if code == "PAIRING_REQUIRED":
        return _pairing_steps(request)
    if reason == "unknown-node":
        return ("list the nodes: openclaw nodes list",)
    if request:
        return (f"approve what the node declares: openclaw nodes approve {request}",)
    if code == "PAIRING_CHANGED":
        return ("the node is unknown or waits for approval; see the requests: openclaw nodes pending",)
    return _fixed_steps(code, reason, details)


def _pairing_steps(request: Any) -> tuple[str, ...]:
    if request:
        return (
            "approve this device where the gateway's token is known:",
            f"openclaw devices approve {request}",
        )
    return ("see the request where the gateway's token is known: openclaw devices list",)


def _fixed_steps(code: Any, reason: Any, details: dict[str, Any]) -> tuple[str, ...]:
    node_code = (details.get("nodeError") or {}).get("code")
    if code in _TOKEN_CODES:
        return (
            "give the token the gateway was started with: --token TOKEN, or",
            "export OPENCLAW_GATEWAY_TOKEN=TOKEN",
        )
    if code in _PASSWORD_CODES:
        return (
            "give the gateway's password: --password PASSWORD, or",
            "export OPENCLAW_GATEWAY_PASSWORD=PASSWORD",
        )
    if code in ("AUTH_DEVICE_TOKEN_MISMATCH", "AUTH_SCOPE_MISMATCH"):
        return ("pair this device again with the gateway's token: openclaw gateway status --token TOKEN",)
    if code == "AUTH_RATE_LIMITED":
        return ("wait, then check the credential: openclaw gateway status",)
    if code == "MISSING_SCOPE":
        return (
            f"{details.get('missingScope')} comes with the gateway's shared token;",
            "run the same command with --token TOKEN",
        )
    if "NOT_CONNECTED" in (code, node_code):
        return ("see which nodes are connected: openclaw nodes status --connected",)
    if node_code == "TIMEOUT":
        return ("give the node more time: run the same command with --invoke-timeout 60000",)
    if reason in ("command not allowlisted", "command not declared by node", "node did not declare commands"):
        if command := details.get("command"):
            return (f"see what would let it: openclaw nodes explain NODE {command}",)
        return ("see what the node may do: openclaw nodes describe --node NODE",)
    if node_code == "UNAVAILABLE":
        return ("see on the node's machine what it lacks: openclaw node doctor",)
    return ()


def _steps_for_text(message: str) -> tuple[str, ...]:
    """Errors that carry no details, as the contract gives these refusals none (6.5, 8.4)."""
    for text, step in _BY_TEXT.items():
        if text in message:
            return (step,)
    return ()


_BY_TEXT = {
    "gateway URL ": "for example: openclaw gateway status --url ws://HOST:18789 --token TOKEN",
    "listens on loopback only": "let other machines in: openclaw onboard --bind lan --tls",
    "unknown nodeId": "list the nodes: openclaw nodes list",
    "unknown deviceId": "list the devices: openclaw devices list",
    "unknown requestId": "list what waits: openclaw nodes pending; openclaw devices list",
    "device token rotation denied": "check the device, its role and scopes: openclaw devices list",
    "device token revocation denied": "check the device and its role: openclaw devices list",
    "device pairing approval denied": "use the gateway's shared token: openclaw devices list --token TOKEN",
}
