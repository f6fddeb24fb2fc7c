"""`openclaw gateway|node install|uninstall|start|stop|restart`, and `openclaw node status`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from openclaw_core.cli.failure import FAILED, CliError, funnel
from openclaw_core.cli.output import print_json, print_line
from openclaw_core.cli.recover import lock_holder
from openclaw_core.cli.service.control import Service
from openclaw_core.cli.service.plan import Kind, plan_service, refuse_shell_secrets
from openclaw_core.cli.waiting import Waiting
from openclaw_core.config import Settings, load_settings

__all__ = ["JsonFlag", "PrintFlag", "add_service_commands", "install_service", "open_service"]

Act = Callable[[Service], tuple[str, str]]

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
PrintFlag = Annotated[
    bool, typer.Option("--print", help="Only print the definition for this system's service manager.")
]
_OUTCOMES = {
    "installed": "Installed and started the {title}: {path}",
    "changed": "Rewrote {path}, as settings changed; it takes effect with: openclaw {kind} restart",
    "unchanged": "The {title} is installed already; nothing was changed ({path}).",
}


def open_service(kind: Kind, settings: Settings, extra: tuple[str, ...] = ()) -> Service:
    """The service `kind` of this state directory."""
    return Service(plan_service(kind, settings, extra))


def install_service(kind: Kind, extra: tuple[str, ...], *, only_print: bool, as_json: bool) -> None:
    """The body of both `install` commands.

    Args:
        extra: options that `openclaw KIND run` gets.
    """
    with funnel(as_json=as_json):
        settings = load_settings()
        service = open_service(kind, settings, extra)
        if only_print:
            content = service.definition.content
            typer.echo(content.decode("utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"))
            return
        refuse_shell_secrets(kind, settings)
        if kind == "gateway" and not service.state().running:
            _refuse_foreign_gateway(settings)
        with Waiting(f"installing the {kind}", quiet=as_json):
            outcome = service.install()
        if as_json:
            print_json({"ok": True, "outcome": outcome, "service": service.state().as_json()})
            return
        words = {"title": service.plan.title, "kind": kind, "path": service.definition.path}
        print_line(_OUTCOMES[outcome].format(**words))
        if outcome == "installed":
            for line in service.manager.hints(service.plan):
                print_line(line)
            print_line(f"Is it well? openclaw {kind} status")


def _refuse_foreign_gateway(settings: Settings) -> None:
    if (holder := lock_holder(settings)) is not None:
        raise CliError(
            f"{holder}; the service would fail again and again",
            code="GATEWAY_RUNS",
            steps=("end it where it runs (Ctrl-C), then: openclaw gateway install",),
        )


def add_service_commands(app: typer.Typer, kind: Kind) -> None:
    """Register the commands that both have."""
    for verb, (act, text) in _VERBS.items():
        _add_verb(app, kind, verb, act, text.format(kind=kind))


def _add_verb(app: typer.Typer, kind: Kind, verb: str, act: Act, text: str) -> None:
    def run(as_json: JsonFlag = False) -> None:
        with funnel(as_json=as_json):
            service = open_service(kind, load_settings())
            with Waiting(f"{verb}: the {kind}", quiet=as_json):
                outcome, sentence = act(service)
            state = service.state()
            if as_json:
                print_json({"ok": True, "outcome": outcome, "service": state.as_json()})
            else:
                print_line(f"{sentence}: {state.sentence()}" if state.running else sentence)
            if verb in _STARTING and not state.running:
                raise typer.Exit(FAILED)

    app.command(verb, help=text)(run)


def _uninstall(service: Service) -> tuple[str, str]:
    path = service.definition.path
    if service.uninstall():
        return "uninstalled", f"Stopped and removed {path}"
    return "unchanged", f"The {service.plan.kind} is not installed as a service"


def _start(service: Service) -> tuple[str, str]:
    outcome = service.start()
    return outcome, f"The {service.plan.kind} {'started' if outcome == 'started' else 'runs already'}"


def _stop(service: Service) -> tuple[str, str]:
    if service.stop():
        return "stopped", f"Stopped the {service.plan.kind}"
    return "unchanged", f"The {service.plan.kind} was not running as a service"


def _restart(service: Service) -> tuple[str, str]:
    service.stop()
    return _start(service)


_STARTING = ("start", "restart")
_VERBS: dict[str, tuple[Act, str]] = {
    "uninstall": (_uninstall, "Stop the {kind}'s service and remove it; the state stays."),
    "start": (_start, "Start the {kind}: the installed service, or in the background without a manager."),
    "stop": (_stop, "Stop the {kind} that `install` or `start` started."),
    "restart": (_restart, "Stop and start the {kind}."),
}
