"""The flags that choose a gateway, and what is said when they choose none (PROTOCOL 21.1)."""

from __future__ import annotations

from dataclasses import dataclass

from openclaw_core.cli.failure import USAGE, CliError
from openclaw_core.config import Settings
from openclaw_core.endpoint import CONNECT_TIMEOUT_MS, CredentialMissingError, Endpoint, find_endpoint

__all__ = ["Flags", "choose_endpoint"]


@dataclass(frozen=True, slots=True)
class Flags:
    """The options every gateway command has, as typed; `timeout_ms` in milliseconds."""

    url: str | None = None
    token: str | None = None
    password: str | None = None
    timeout_ms: int = 30_000
    as_json: bool = False
    tls_fingerprint: str | None = None


def choose_endpoint(flags: Flags, settings: Settings) -> Endpoint:
    """Flags, then environment, then config and the token file of a first start.

    Raises:
        CliError: `--url` without any credential (exit code 2).
    """
    try:
        return find_endpoint(
            settings,
            url=flags.url,
            token=flags.token,
            password=flags.password,
            tls_fingerprint=flags.tls_fingerprint,
            connect_timeout_ms=max(1, min(flags.timeout_ms, CONNECT_TIMEOUT_MS)),
        )
    except CredentialMissingError as error:
        raise CliError(
            str(error),
            code="CREDENTIAL_MISSING",
            steps=("add --token TOKEN or --password PASSWORD, or export OPENCLAW_GATEWAY_TOKEN=TOKEN",),
            exit_code=USAGE,
        ) from None
