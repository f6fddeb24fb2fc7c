"""The first step: bind, authentication and TLS, written into openclaw.json in one go."""

from __future__ import annotations

from typing import Any

from openclaw_core.cli.failure import USAGE, CliError
from openclaw_core.cli.onboard import exposure
from openclaw_core.cli.onboard.setup import Setup
from openclaw_core.cli.recover import lock_holder
from openclaw_core.config import Settings, load_settings, write_private_file
from openclaw_core.config_edit import set_keys
from openclaw_core.config_file import read_document

__all__ = ["Configuration"]


class Configuration:
    """What is in openclaw.json stays; only what is missing there, or said on the command line, is set."""

    def __init__(self) -> None:
        self._changes: dict[str, Any] = {}

    def check(self, setup: Setup) -> str | None:
        """Everything is said in the file, and the command line agrees."""
        _refuse_remote(setup.settings)
        _check_flags(setup)
        if any(self._missing(setup, key, wanted) for key, wanted in _wanted(setup).items()):
            return None
        settings = setup.settings
        tls = "with TLS" if settings.gateway.tls.enabled else "without TLS"
        where = f"{settings.gateway.bind}, port {settings.gateway.port}, auth {settings.auth_mode}, {tls}"
        return f"{settings.config_path}: {where}"

    def ask(self, setup: Setup) -> bool:
        """Bind, authentication, TLS: each unless it is known."""
        wanted, interview = setup.wanted, setup.interview
        bind = wanted.bind or _said(setup, "gateway.bind") or exposure.ask_bind(interview)
        auth = wanted.auth or _said(setup, "gateway.auth.mode")
        if auth is None and (secret := _said_secret(setup)) is not None:
            auth = secret  # a secret in the file decides, as it always did
        auth = auth or exposure.ask_auth(interview, bind)
        self._changes = {"gateway.mode": "local", "gateway.bind": bind, "gateway.auth.mode": auth}
        if auth == "password" and not _said(setup, "gateway.auth.password"):
            given = setup.settings.environment.gateway_password
            self._changes["gateway.auth.password"] = given or exposure.ask_password(interview)
        self._changes["gateway.tls.enabled"] = self._tls(setup, bind)
        # Other shells must find the gateway, too, also without this one's variable.
        told = setup.settings.environment.gateway_port if _said(setup, "gateway.port") is None else None
        if (port := wanted.port or told) is not None:
            self._changes["gateway.port"] = port
        self._changes = {key: value for key, value in self._changes.items() if _said(setup, key) != value}
        return True

    @staticmethod
    def _tls(setup: Setup, bind: str) -> bool:
        if setup.wanted.tls is not None:
            return setup.wanted.tls
        said = _said(setup, "gateway.tls.enabled")
        # "No TLS" on loopback was no answer for a network.
        opened = not exposure.is_loopback(bind) and exposure.is_loopback(setup.settings.gateway.bind)
        if said is None or (opened and not said):
            return exposure.ask_tls(setup.interview, bind)
        return bool(said)

    def do(self, setup: Setup) -> str:
        """Write the file (0600) and the token's; nothing of it while a gateway we cannot restart runs."""
        path = setup.settings.config_path
        before = path.read_text("utf-8") if path.exists() else ""
        text = set_keys(before, self._changes)
        after = load_settings(
            overrides={key.removeprefix("gateway."): value for key, value in self._changes.items()}
        )
        setup.outdated = _what_counts(setup.settings) != _what_counts(after)
        if setup.outdated:
            _refuse_foreign_gateway(setup)
        if after.auth_mode == "token":
            _refuse_two_tokens(after)
        write_private_file(path.resolve(), text.encode())
        setup.settings = load_settings()
        if setup.settings.auth_mode == "token":
            _keep_token(setup.settings)
        names = ", ".join(key.removeprefix("gateway.") for key in self._changes)
        return f"wrote {path} ({names})"

    @staticmethod
    def _missing(setup: Setup, key: str, wanted: Any) -> bool:
        said = _said(setup, key)
        return said is None or (wanted is not None and said != wanted)


def _wanted(setup: Setup) -> dict[str, Any]:
    wanted = setup.wanted
    keys: dict[str, Any] = {
        "gateway.bind": wanted.bind,
        "gateway.auth.mode": wanted.auth,
        "gateway.tls.enabled": wanted.tls,
    }
    return {**keys, **({"gateway.port": wanted.port} if wanted.port is not None else {})}


def _said(setup: Setup, dotted: str) -> Any:
    """The value in the file; None when it is silent."""
    value: Any = read_document(setup.settings.config_path)
    for name in dotted.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _said_secret(setup: Setup) -> str | None:
    return next((name for name in ("token", "password") if _said(setup, f"gateway.auth.{name}")), None)


def _refuse_remote(settings: Settings) -> None:
    if settings.gateway.mode == "remote":
        raise CliError(
            f"{settings.config_path} makes this machine a client of another gateway "
            f"({settings.gateway.remote.url or 'gateway.remote.url is not set'})",
            code="REMOTE_MODE",
            steps=(
                "join it as a node: openclaw node run --pair CODE",
                "or set gateway.mode to local there, then: openclaw onboard",
            ),
        )


def _check_flags(setup: Setup) -> None:
    wanted = setup.wanted
    try:
        if wanted.bind is not None:
            exposure.check_bind(wanted.bind)
        if wanted.auth is not None:
            exposure.check_auth(wanted.auth, wanted.bind or _said(setup, "gateway.bind") or "loopback")
        elif wanted.bind is not None and _said(setup, "gateway.auth.mode") == "none":
            exposure.check_auth("none", wanted.bind)
    except ValueError as error:
        raise CliError(
            str(error),
            code="BAD_ANSWER",
            steps=("see what can be said: openclaw onboard --help",),
            exit_code=USAGE,
        ) from None
    told = setup.settings.environment.gateway_port
    if wanted.port is not None and told not in (None, wanted.port):
        raise CliError(
            f"OPENCLAW_GATEWAY_PORT is {told} in this shell, and would beat --port {wanted.port} everywhere",
            code="TWO_PORTS",
            steps=(f"unset the variable, then: openclaw onboard --port {wanted.port}",),
            exit_code=USAGE,
        )
    if wanted.tls and (why := exposure.why_no_certificate()) is not None:
        raise CliError(why, code="TLS_UNAVAILABLE", exit_code=USAGE)


def _what_counts(settings: Settings) -> tuple[Any, ...]:
    """What a running gateway would have to be restarted for."""
    gateway = settings.gateway
    return gateway.bind, gateway.port, settings.auth_mode, gateway.auth.password, gateway.tls.enabled


def _refuse_foreign_gateway(setup: Setup) -> None:
    if setup.service("gateway").state().running:
        return
    if (holder := lock_holder(setup.settings)) is not None:
        raise CliError(
            f"{holder} with other settings, and was not started as a service",
            code="GATEWAY_RUNS",
            steps=("end it where it runs (Ctrl-C), then: openclaw onboard",),
        )


def _refuse_two_tokens(settings: Settings) -> None:
    """The environment's token beats the file's here, and the file's is the services' one."""
    told, path = settings.environment.gateway_token, settings.token_file
    if _said_token(settings):
        return  # the services read that one, and never the file
    if told and path.exists() and path.read_text("utf-8").strip() != told:
        raise CliError(
            f"OPENCLAW_GATEWAY_TOKEN is not the token in {path}",
            code="TWO_TOKENS",
            steps=("unset the variable, or remove the file, then: openclaw onboard",),
        )


def _said_token(settings: Settings) -> bool:
    section = read_document(settings.config_path).get("gateway") or {}
    return bool((section.get("auth") or {}).get("token"))


def _keep_token(settings: Settings) -> None:
    """The token in its file, where services find it; one from the environment is taken over."""
    token, new = settings.mint_token()
    if new or _said_token(settings):
        return
    if token == settings.environment.gateway_token and not settings.token_file.exists():
        write_private_file(settings.token_file, (token + "\n").encode())
