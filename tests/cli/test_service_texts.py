"""What the service managers get to read: units, property lists, tasks; and that no secret is in them."""

from __future__ import annotations

import configparser
import os
import plistlib
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openclaw_core.cli.failure import CliError
from openclaw_core.cli.service.launchd import plist_bytes
from openclaw_core.cli.service.plan import ServicePlan, plan_service, refuse_shell_secrets
from openclaw_core.cli.service.scheduled_task import task_xml
from openclaw_core.cli.service.systemd import unit_text
from openclaw_core.config import load_settings
from openclaw_core.errors import ConfigError

TASK = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
ODD = "Lab %h $HOME \"box\" \\ 'ü'"
SHELL = {
    "OPENCLAW_GATEWAY_PORT": "18790",
    "OPENCLAW_LOG_LEVEL": "",
    "OPENCLAW_GATEWAY_TOKEN": "s3cret-token",
    "OPENCLAW_GATEWAY_PASSWORD": "s3cret-password",
    "OPENCLAW_STORE_URL": "postgresql://u:s3cret@db/x",
}


def plan_of(place: Path, *extra: str) -> ServicePlan:
    kind = "node" if extra else "gateway"
    return plan_service(kind, load_settings(place), extra, SHELL)


def unquoted(line: str) -> list[str]:
    """Words as systemd.syntax(7) reads them, after its own percent signs and dollars."""
    import shlex

    return [word.replace("%%", "%").replace("$$", "$") for word in shlex.split(line)]


def parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def test_no_text_holds_a_secret_and_each_has_the_port(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    texts = [unit_text(plan), plist_bytes(plan).decode(), task_xml(plan).decode("utf-16")]
    for text in texts:
        assert "s3cret" not in text
        assert "OPENCLAW_LOG_LEVEL" not in text
        assert "18790" in text
        assert str(tmp_path) in text


def test_a_unit_runs_this_very_program(tmp_path: Path) -> None:
    unit = parsed(unit_text(plan_of(tmp_path)))
    service = unit["Service"]
    assert unquoted(service["ExecStart"]) == [sys.executable, "-P", "-m", "openclaw_core", "gateway", "run"]
    assert Path(unquoted(service["ExecStart"])[0]).is_absolute()
    assert (service["Restart"], service["NoNewPrivileges"], service["UMask"]) == ("on-failure", "yes", "0077")
    assert unit["Install"]["WantedBy"] == "default.target"
    node = parsed(unit_text(plan_of(tmp_path, "--display-name", ODD)))
    assert unquoted(node["Service"]["ExecStart"])[-2:] == ["--display-name", ODD]
    assert node["Unit"]["After"] == "openclaw-core-gateway.service"
    assert "UMask" not in node["Service"], "what approved commands write is the person's as ever"


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1))
def test_any_name_reaches_the_program_as_it_is(name: str) -> None:
    plan = ServicePlan("node", ("/p",), ("node", "run", name), {"A": name}, Path("/s"))
    lines = unit_text(plan).split("\n")
    (start,) = (line for line in lines if line.startswith("ExecStart="))
    assert unquoted(start.removeprefix("ExecStart="))[-1] == name
    (variable,) = (line for line in lines if line.startswith("Environment="))
    # There a dollar is an ordinary character.
    assert variable.removeprefix("Environment=")[1:-1] == f"A={name}".replace("\\", "\\\\").replace(
        '"', '\\"'
    ).replace("%", "%%")


def test_a_line_break_cannot_add_a_directive(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="control character"):
        unit_text(plan_of(tmp_path, "--display-name", "x\nExecStartPre=/bin/evil"))


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    units = []
    for plan in (plan_of(tmp_path), plan_of(tmp_path, "--display-name", ODD)):
        units.append(tmp_path / f"{plan.name}.service")
        units[-1].write_text(unit_text(plan), "utf-8")
    done = subprocess.run(
        ["systemd-analyze", "--user", "verify", *units],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    own = [line for line in done.stderr.splitlines() if "openclaw-core-" in line]
    assert (done.returncode, own) == (0, []), done.stderr


def test_a_property_list_says_the_same(tmp_path: Path) -> None:
    agent = plistlib.loads(plist_bytes(plan_of(tmp_path, "--display-name", ODD)))
    assert agent["ProgramArguments"][-2:] == ["--display-name", ODD]
    assert agent["ProgramArguments"][0] == sys.executable
    assert agent["Label"] == "openclaw-core-node"
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["RunAtLoad"] is True
    assert agent["EnvironmentVariables"]["OPENCLAW_STATE_DIR"] == str(tmp_path)
    assert agent["StandardOutPath"] == str(tmp_path / "logs" / "node.log")
    assert "Umask" not in agent
    assert plistlib.loads(plist_bytes(plan_of(tmp_path)))["Umask"] == 0o077


def test_a_task_has_what_the_scheduler_wants(tmp_path: Path) -> None:
    raw = task_xml(plan_of(tmp_path, "--display-name", "Lab box"))
    assert raw[:2] in (b"\xff\xfe", b"\xfe\xff")  # UTF-16 with its mark
    task = ET.fromstring(raw)
    assert (task.tag, task.get("version")) == (f"{TASK}Task", "1.2")
    assert task.find(f"{TASK}Triggers/{TASK}LogonTrigger") is not None
    principal = task.find(f"{TASK}Principals/{TASK}Principal")
    assert principal is not None
    actions = task.find(f"{TASK}Actions")
    assert actions is not None
    assert actions.get("Context") == principal.get("id")
    assert principal.findtext(f"{TASK}RunLevel") == "LeastPrivilege"
    settings = task.find(f"{TASK}Settings")
    assert settings is not None
    assert settings.findtext(f"{TASK}ExecutionTimeLimit") == "PT0S"
    assert [item.tag for item in settings.findall(f"{TASK}RestartOnFailure/*")] == [
        f"{TASK}Interval",
        f"{TASK}Count",
    ]
    assert actions.findtext(f"{TASK}Exec/{TASK}Command") == sys.executable
    arguments = actions.findtext(f"{TASK}Exec/{TASK}Arguments") or ""
    assert arguments.endswith('-- node run --display-name "Lab box"')


def test_a_task_gets_its_variables_and_keeps_a_log(tmp_path: Path, env: dict[str, str]) -> None:
    del env["OPENCLAW_STATE_DIR"]
    state, log = tmp_path / "of the task", tmp_path / "logs" / "node.log"
    argv = [sys.executable, "-P", "-m", "openclaw_core.cli.service", "--log", log]
    argv += [f"OPENCLAW_STATE_DIR={state}", "--", "node", "identity", "--json"]
    done = subprocess.run(argv, env=env, capture_output=True, timeout=50, check=True)
    assert (done.stdout, done.stderr) == (b"", b"")
    assert '"deviceId"' in log.read_text("utf-8")
    assert (state / "node" / "identity.json").exists()


@pytest.mark.parametrize("name", ["TOKEN", "PASSWORD"])
def test_a_secret_of_the_shell_is_not_forgotten_silently(name: str, tmp_path: Path) -> None:
    settings, shell = load_settings(tmp_path), {f"OPENCLAW_GATEWAY_{name}": "x"}
    refuse_shell_secrets("gateway", settings, {f"OPENCLAW_GATEWAY_{name}": ""})
    with pytest.raises(CliError, match=f"OPENCLAW_GATEWAY_{name}") as caught:
        refuse_shell_secrets("gateway", settings, shell)
    assert caught.value.steps[-1].endswith("openclaw gateway install")
    assert f"gateway.auth.{name.lower()}" in caught.value.steps[0]
    with pytest.raises(CliError) as caught:
        refuse_shell_secrets("node", settings, shell)
    assert caught.value.steps[0].endswith("openclaw node run")
    settings.config_path.write_text(f"{{gateway: {{auth: {{{name.lower()}: 'x'}}}}}}", "utf-8")
    refuse_shell_secrets("gateway", settings, shell)
