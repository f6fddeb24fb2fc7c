"""`openclaw onboard`: the steps in their order, what they did, and what comes next."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from openclaw_core.cli.failure import USAGE, CliError, funnel
from openclaw_core.cli.onboard.companions import offer_companions
from openclaw_core.cli.onboard.configuration import Configuration
from openclaw_core.cli.onboard.first_invoke import FirstInvoke
from openclaw_core.cli.onboard.interview import Defaults, Person
from openclaw_core.cli.onboard.processes import Gateway, Node, decide_service
from openclaw_core.cli.onboard.setup import Setup, Step, Wanted
from openclaw_core.cli.output import clean, print_json
from openclaw_core.cli.up import next_command
from openclaw_core.config import load_settings

__all__ = ["onboard"]

_INTERRUPTED = 130


def onboard(
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Ask nothing: loopback, a token, a service where there is one."),
    ] = False,
    bind: Annotated[
        str | None, typer.Option("--bind", metavar="loopback|lan", help="Where the gateway listens.")
    ] = None,
    auth: Annotated[
        str | None,
        typer.Option("--auth", metavar="token|password|none", help="How clients prove themselves."),
    ] = None,
    tls: Annotated[bool | None, typer.Option("--tls/--no-tls", help="Encrypt, or do not.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=1, max=65_535, help="The gateway's port.")] = None,
    install_service: Annotated[
        bool | None,
        typer.Option(
            "--install-service/--no-install-service", help="As services, or in the background for now."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; needs --yes.")] = False,
) -> None:
    """Set this machine up: a gateway that runs, its node paired and tried, your devices next.

    Run it again at any time: it does what is missing, and changes what the options say.
    """
    with funnel(as_json=as_json):
        if not yes and (as_json or not sys.stdin.isatty()):
            raise CliError(
                "--json asks no questions" if as_json else "there is no terminal to ask questions at",
                code="NO_TERMINAL",
                steps=("take the safe defaults: openclaw onboard --yes",),
                exit_code=USAGE,
            )
        setup = Setup(
            settings=load_settings(),
            wanted=Wanted(bind, auth, tls, port, install_service),
            interview=Defaults() if yes else Person(),
            say=_to_stderr if as_json else _to_stdout,
        )
        try:
            complete = _run(setup)
        except (typer.Abort, KeyboardInterrupt):
            raise typer.Exit(_interrupted(setup)) from None
        if as_json:
            print_json({"ok": complete, "changed": setup.changed, **setup.report})


def _run(setup: Setup) -> bool:
    """All steps; False when the person wanted one of them not done."""
    if setup.wanted.install_service:
        decide_service(setup)  # before anything is written
    for step in (Configuration(), Gateway()):
        if not _take(setup, step):
            setup.say("Nothing was started. When you want to: openclaw up")
            return False
    before = len(setup.changed)
    if not _take(setup, Node()):
        setup.say("This machine is no node. Later: openclaw node start")
    _take(setup, FirstInvoke(node_was_there=len(setup.changed) == before))
    if not setup.changed:
        setup.say("Everything is in place; nothing was changed.")
    setup.say("")
    offer_companions(setup)
    _say_next(setup)
    return setup.node is not None


def _take(setup: Setup, step: Step) -> bool:
    found = step.check(setup)
    if found is not None:
        setup.say(f"ok    {found}")
        return True
    if not step.ask(setup):
        return False
    done = step.do(setup)
    setup.changed.append(done)
    setup.say(f"done  {done}")
    return True


def _say_next(setup: Setup) -> None:
    setup.say("")
    setup.say("Next:")
    if setup.node is not None:
        setup.say(f"  {next_command(setup.node)}")
    if setup.settings.gateway.control_ui.enabled:
        setup.say("  openclaw dashboard        all of it in a browser")
    setup.say("  openclaw nodes status     what is connected")
    setup.say("  openclaw doctor           is everything well and safe")
    setup.say("  openclaw gateway stop, openclaw node stop     end what runs here")


def _interrupted(setup: Setup) -> int:
    sys.stderr.write("\n")
    for line in setup.changed:
        sys.stderr.write(f"Stays: {clean(line)}\n")
    sys.stderr.write("Interrupted; to go on from here: openclaw onboard\n")
    return _INTERRUPTED


def _to_stdout(text: str) -> None:
    sys.stdout.write(clean(text) + "\n")
    sys.stdout.flush()


def _to_stderr(text: str) -> None:
    sys.stderr.write(clean(text) + "\n")
