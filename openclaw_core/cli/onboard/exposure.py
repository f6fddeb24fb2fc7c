"""The questions about who can reach the gateway, and what each answer exposes (PROTOCOL 1.1, 5.1, 24)."""

from __future__ import annotations

import importlib.util
import ipaddress

from openclaw_core.cli.failure import USAGE, CliError
from openclaw_core.cli.onboard.interview import Interview, Option

__all__ = [
    "ask_auth",
    "ask_bind",
    "ask_password",
    "ask_tls",
    "check_auth",
    "check_bind",
    "is_loopback",
    "why_no_certificate",
]

_BINDS = (
    Option("loopback", "only programs of this machine reach it; nothing is exposed to any network"),
    Option("lan", "every network this machine is in reaches it: phones at home, and strangers in a café"),
)
_TOKEN = Option("token", "a long random secret, made here and kept in a file only you can read")
_PASSWORD = Option("password", "a secret you think of; whoever guesses it commands every device")
_NONE = Option("none", "every program of this machine, of every user, may command every device")
_MIN_PASSWORD = 8


def is_loopback(bind: str) -> bool:
    """Does this `gateway.bind` keep other machines out?"""
    if bind in ("loopback", "localhost"):
        return True
    try:
        return ipaddress.ip_address(bind).is_loopback
    except ValueError:
        return False


def check_bind(text: str) -> str:
    """`loopback` or `lan`.

    Raises:
        ValueError: it is neither; the text says why.
    """
    if text in ("loopback", "lan"):
        return text
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is neither loopback nor lan") from None
    raise ValueError(
        f"at {text} alone, this machine's own tools would come in as strangers: say lan, or set "
        "gateway.bind in openclaw.json and approve them there (openclaw devices recover)"
    )


def check_auth(text: str, bind: str) -> str:
    """A mode that may be used with this `gateway.bind`.

    Raises:
        ValueError: it may not; the text says why.
    """
    if text not in ("token", "password", "none"):
        raise ValueError(f"{text!r} is none of token, password, none")
    if text == "none" and not is_loopback(bind):
        raise ValueError(f"without authentication, everybody who reaches {bind} would command your devices")
    return text


def ask_bind(interview: Interview) -> str:
    """`gateway.bind`."""
    return interview.choose("Where shall the gateway listen?", _BINDS, "loopback", check_bind)


def ask_auth(interview: Interview, bind: str) -> str:
    """`gateway.auth.mode`."""
    options = (_TOKEN, _PASSWORD, *((_NONE,) if is_loopback(bind) else ()))
    return interview.choose(
        "How do clients prove themselves?", options, "token", lambda text: check_auth(text, bind)
    )


def ask_password(interview: Interview) -> str:
    """`gateway.auth.password`."""
    return interview.secret(
        "Password of the gateway",
        _check_password,
        "give it in the environment: OPENCLAW_GATEWAY_PASSWORD=… openclaw onboard --yes --auth password",
    )


def _check_password(text: str) -> str:
    if len(text) < _MIN_PASSWORD:
        raise ValueError(f"{len(text)} characters are guessed too soon: take {_MIN_PASSWORD} or more")
    return text


def ask_tls(interview: Interview, bind: str) -> bool:
    """`gateway.tls.enabled`.

    Raises:
        CliError: the default needs a package that is not there, and nobody can be asked.
    """
    exposed = not is_loopback(bind)
    if exposed and interview.is_person:
        interview.tell(
            "Without TLS, whoever listens on the network reads the token and all that devices say."
        )
    while True:
        wanted = interview.confirm(
            "Encrypt with TLS, by a certificate made here that devices pin?", default=exposed
        )
        why = why_no_certificate() if wanted else None
        if why is None:
            return wanted
        if not interview.is_person:
            raise CliError(
                f"{why}, and beyond loopback the safe default is TLS",
                code="TLS_UNAVAILABLE",
                steps=("install it, or do without on a network you trust: openclaw onboard --yes --no-tls",),
                exit_code=USAGE,
            )
        interview.tell(why)


def why_no_certificate() -> str | None:
    """Why a certificate cannot be made here; None when it can."""
    if importlib.util.find_spec("cryptography") is not None:
        return None
    return "making a certificate takes a package that is missing: pip install 'openclaw-core[tls]'"
