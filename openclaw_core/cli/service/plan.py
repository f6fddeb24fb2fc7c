"""What a service runs: program, arguments, environment; never a secret in any of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from openclaw_core.cli.failure import CliError
from openclaw_core.config import Settings
from openclaw_core.config_file import read_document

__all__ = ["Kind", "ServicePlan", "plan_service", "refuse_shell_secrets"]

Kind = Literal["gateway", "node"]

# What a shell may have set and a service must be told; the secrets among OPENCLAW_* are not here.
_CARRIED = ("OPENCLAW_CONFIG_PATH", "OPENCLAW_GATEWAY_PORT", "OPENCLAW_LOG_FORMAT", "OPENCLAW_LOG_LEVEL")
_SECRET = ("OPENCLAW_GATEWAY_TOKEN", "OPENCLAW_GATEWAY_PASSWORD", "OPENCLAW_STORE_URL")
_TITLES = {"gateway": "OpenClaw gateway", "node": "OpenClaw node of this machine"}


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """One service.

    Attributes:
        kind: which of the two.
        program: absolute path of the interpreter, then its own options.
        arguments: what `openclaw` is asked to do, e.g. `("gateway", "run")`.
        environment: variables it needs, none of them secret.
        state_dir: where logs and the marks of background processes go.
    """

    kind: Kind
    program: tuple[str, ...]
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    state_dir: Path

    @property
    def name(self) -> str:
        """What the service managers know it by; the original's services have other names."""
        return f"openclaw-core-{self.kind}"

    @property
    def title(self) -> str:
        """For people."""
        return _TITLES[self.kind]

    @property
    def command(self) -> tuple[str, ...]:
        """The whole command line."""
        return (*self.program, *self.arguments)

    @property
    def log_file(self) -> Path:
        """Where its output goes if the service manager keeps none itself."""
        return self.state_dir / "logs" / f"{self.kind}.log"


def plan_service(
    kind: Kind, settings: Settings, extra: tuple[str, ...] = (), environ: Mapping[str, str] | None = None
) -> ServicePlan:
    """The service of this Python environment, state directory and configuration.

    Args:
        extra: options for `openclaw KIND run`; no secrets, as every user can read them.
        environ: instead of this process's environment.
    """
    given = os.environ if environ is None else environ
    carried = {name: given[name] for name in _CARRIED if given.get(name)}
    if config := carried.get("OPENCLAW_CONFIG_PATH"):
        carried["OPENCLAW_CONFIG_PATH"] = str(Path(config).expanduser().absolute())
    return ServicePlan(
        kind,
        # -P: the directory it happens to start in must not supply modules.
        program=(sys.executable, "-P", "-m", "openclaw_core"),
        arguments=(kind, "run", *extra),
        environment={"OPENCLAW_STATE_DIR": str(settings.state_dir), **carried},
        state_dir=settings.state_dir,
    )


def refuse_shell_secrets(kind: Kind, settings: Settings, environ: Mapping[str, str] | None = None) -> None:
    """A service does not see what this shell exports, and a definition must not hold secrets.

    Raises:
        CliError: names a variable whose value the files do not have, and where to keep it instead.
    """
    given = os.environ if environ is None else environ
    kept = _kept_secrets(settings)
    for name in _SECRET:
        if given.get(name) and given[name] not in kept:
            raise CliError(
                f"{name} is set in this shell, but a service does not see it, and no secret is written "
                "into a service's definition",
                code="SECRET_IN_SHELL",
                steps=_secret_steps(kind, name),
            )


def _kept_secrets(settings: Settings) -> set[Any]:
    """The secrets that files hold, whatever the environment says."""
    section = read_document(settings.config_path).get("gateway") or {}
    auth, store = section.get("auth") or {}, section.get("store") or {}
    try:
        minted = settings.token_file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        minted = None
    return {auth.get("token") or minted, auth.get("password"), store.get("url")}


def _secret_steps(kind: Kind, name: str) -> tuple[str, ...]:
    if kind == "node":
        return (
            "pair the node once; from then on its own device token lets it in: openclaw node run",
            f"then, without the variable: env -u {name} openclaw node install",
        )
    key = {"OPENCLAW_STORE_URL": "gateway.store.url"}.get(name, "")
    key = key or f"gateway.auth.{name.rsplit('_', 1)[-1].lower()}"
    return (
        f"keep its value in openclaw.json (mode 0600) as {key}, which `openclaw onboard` does for token and "
        "password",
        f"then, without the variable: env -u {name} openclaw gateway install",
    )
