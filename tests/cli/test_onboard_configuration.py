"""The first step of an onboarding: what it asks, what it writes, what it will not touch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import json5
import pytest

from openclaw_core.cli.failure import CliError
from openclaw_core.cli.onboard.configuration import Configuration
from openclaw_core.cli.onboard.interview import Option
from openclaw_core.cli.onboard.setup import Setup, Wanted
from openclaw_core.config import load_settings
from openclaw_core.gateway.lock import StateLock


@dataclass
class Scripted:
    """A person who has made up their mind; `asked` is what they were asked."""

    answers: list[str | bool] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    is_person = True

    def tell(self, text: str) -> None:
        self.asked.append(text)

    def choose(
        self, question: str, options: tuple[Option, ...], default: str, check: Callable[[str], str]
    ) -> str:
        self.asked.append(question)
        return check(str(self.answers.pop(0)))

    def confirm(self, question: str, *, default: bool) -> bool:
        self.asked.append(f"{question} {default}")
        return bool(self.answers.pop(0))

    def secret(self, question: str, check: Callable[[str], str], instead: str) -> str:
        return self.choose(question, (), "", check)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPENCLAW_STATE_DIR", str(tmp_path))
    for name in ("PORT", "TOKEN", "PASSWORD"):
        monkeypatch.delenv(f"OPENCLAW_GATEWAY_{name}", raising=False)
    return tmp_path


def run(wanted: Wanted, *answers: str | bool) -> tuple[Setup, list[str]]:
    """The step as `onboard` takes it; what is set up, and what was asked."""
    person = Scripted(list(answers))
    setup = Setup(load_settings(), wanted, person, lambda _: None)
    step = Configuration()
    if step.check(setup) is None:
        assert step.ask(setup)
        step.do(setup)
        assert step.check(setup) is not None, "a second run has nothing to do"
    assert not person.answers
    return setup, person.asked


def gateway_section(place: Path) -> dict[str, object]:
    return dict(json5.loads((place / "openclaw.json").read_text("utf-8"))["gateway"])


def write(place: Path, text: str) -> None:
    (place / "openclaw.json").write_text(text, "utf-8")


def test_all_questions_on_an_empty_machine(place: Path) -> None:
    setup, asked = run(Wanted(), "lan", "token", True)
    assert [question.split("?")[0] for question in asked[:2]] == [
        "Where shall the gateway listen",
        "How do clients prove themselves",
    ]
    assert "Without TLS" in asked[2]
    assert asked[3].endswith("True"), "beyond loopback, encryption is the default"
    assert gateway_section(place) == {
        "mode": "local", "bind": "lan", "auth": {"mode": "token"}, "tls": {"enabled": True},
    }  # fmt: skip
    assert setup.settings.local_token()
    assert (place / "gateway-token").stat().st_mode & 0o077 == 0


def test_what_is_said_already_is_not_asked(place: Path) -> None:
    write(place, "{gateway: {auth: {token: 'mine'}, bind: 'loopback'}} // by hand\n")
    setup, asked = run(Wanted(tls=False))
    assert asked == []
    assert gateway_section(place)["auth"] == {"token": "mine", "mode": "token"}
    assert (place / "openclaw.json").read_text("utf-8").endswith("} // by hand\n")
    assert not setup.outdated
    assert not (place / "gateway-token").exists()


def test_opening_to_a_network_asks_for_encryption_again(place: Path) -> None:
    run(Wanted("loopback", "token", tls=False))
    setup, asked = run(Wanted(bind="lan"), True)
    assert asked[-1].startswith("Encrypt with TLS")
    assert gateway_section(place)["tls"] == {"enabled": True}
    assert setup.outdated, "a gateway that runs has to be started anew"


def test_another_port_means_another_start(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not run(Wanted("loopback", "token", tls=False))[0].outdated
    assert run(Wanted(port=18790))[0].outdated
    monkeypatch.setenv("OPENCLAW_GATEWAY_PORT", "18791")
    with pytest.raises(CliError, match="OPENCLAW_GATEWAY_PORT is 18791"):
        run(Wanted(port=18792))


def test_no_authentication_is_no_answer_on_a_network(place: Path) -> None:
    with pytest.raises(ValueError, match="everybody who reaches lan"):
        run(Wanted(), "lan", "none")
    run(Wanted(auth="none", tls=False), "loopback")
    with pytest.raises(CliError, match="everybody who reaches lan"):
        run(Wanted(bind="lan"))
    assert gateway_section(place)["bind"] == "loopback"


def test_what_the_shell_exports_is_kept_for_services(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCLAW_GATEWAY_PORT", "18790")
    monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", "of-the-shell")
    run(Wanted("loopback", "token", tls=False))
    assert gateway_section(place)["port"] == 18790
    assert (place / "gateway-token").read_text("utf-8") == "of-the-shell\n"
    monkeypatch.setenv("OPENCLAW_GATEWAY_TOKEN", "another")
    with pytest.raises(CliError, match="is not the token in"):
        run(Wanted("lan", "token", tls=False))
    assert gateway_section(place)["bind"] == "loopback", "nothing is written before it is clear"
    monkeypatch.setenv("OPENCLAW_GATEWAY_PASSWORD", "long enough")
    run(Wanted("loopback", "password", tls=False))
    assert gateway_section(place)["auth"] == {"mode": "password", "password": "long enough"}


def test_a_gateway_somebody_else_started_keeps_its_settings(place: Path) -> None:
    run(Wanted("loopback", "token", tls=False))
    before = (place / "openclaw.json").read_bytes()
    with StateLock(place), pytest.raises(CliError, match="another gateway") as caught:
        run(Wanted("lan", tls=False))
    assert caught.value.steps[0].endswith("openclaw onboard")
    assert (place / "openclaw.json").read_bytes() == before


def test_a_client_of_another_gateway_is_left_alone(place: Path) -> None:
    write(place, "{gateway: {mode: 'remote', remote: {url: 'wss://lab:18789'}}}")
    with pytest.raises(CliError, match="client of another gateway"):
        run(Wanted())
