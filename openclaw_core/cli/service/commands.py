"""`openclaw gateway|node install|uninstall|start|stop|restart`, and `openclaw node status`."""

from __future__ import annotations

from typing import Annotated

import typer

from openclaw_core.cli.failure import FAILED, funnel
from openclaw_core.cli.output import print_json, print_line
from openclaw_core.cli.service.control import Service
from openclaw_core.cli.service.plan import Kind, plan_service, refuse_shell_secrets
from openclaw_core.config import Settings, load_settings

__all__ = ["JsonFlag", "PrintFlag", "add_service_commands", "install_service", "open_service"]

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
        outcome = service.install()
        if as_json:
            print_json({"ok": True, "outcome": outcome, "service": service.state().as_json()})
            return
        words = {"title": service.plan.title, "kind": kind, "path": service.definition.path}
        print_line(_OUTCOMES[outcome].format(**words))
        for line in service.manager.hints(service.plan) if outcome == "installed" else ():
            print_line(line)


def add_service_commands(app: typer.Typer, kind: Kind) -> None:
    """Register the commands that both have."""

    def uninstall(as_json: JsonFlag = False) -> None:
        with funnel(as_json=as_json):
            service = open_service(kind, load_settings())
            path = service.definition.path
            gone = service.uninstall()
            said = f"Stopped and removed {path}" if gone else f"The {kind} is not installed as a service."
            _tell(service, "uninstalled" if gone else "unchanged", said, as_json)

    def start(as_json: JsonFlag = False) -> None:
        with funnel(as_json=as_json):
            service = open_service(kind, load_settings())
            _tell_start(service, service.start(), as_json)

    def stop(as_json: JsonFlag = False) -> None:
        with funnel(as_json=as_json):
            service = open_service(kind, load_settings())
            stopped = service.stop()
            said = f"Stopped the {kind}." if stopped else f"The {kind} was not running as a service."
            _tell(service, "stopped" if stopped else "unchanged", said, as_json)

    def restart(as_json: JsonFlag = False) -> None:
        with funnel(as_json=as_json):
            service = open_service(kind, load_settings())
            service.stop()
            _tell_start(service, service.start(), as_json)

    helps = {
        uninstall: f"Stop the {kind}'s service and remove it; the state stays.",
        start: f"Start the {kind}: the installed service, or in the background where there is no manager.",
        stop: f"Stop the {kind} that `install` or `start` started.",
        restart: f"Stop and start the {kind}.",
    }
    for body, text in helps.items():
        app.command(body.__name__, help=text)(body)


def _tell_start(service: Service, outcome: str, as_json: bool) -> None:
    kind = service.plan.kind
    state = service.state()
    verb = "started" if outcome == "started" else "runs already"
    _tell(service, outcome, f"The {kind} {verb}: {state.sentence()}", as_json)
    if not state.running:
        raise typer.Exit(FAILED)


def _tell(service: Service, outcome: str, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json({"ok": True, "outcome": outcome, "service": service.state().as_json()})
    else:
        print_line(sentence)
