"""Installed families, healthy and broken, found by the real program (shows 8)."""

import asyncio
import json
import os
import signal
import sys

import pytest

from openclaw_core import Command, Family, hookimpl
from openclaw_core.plugins import Candidate, Plugins
from openclaw_core.testing import Wire, node_params, operator_params

from .packages import environment, install, openclaw

HEALTHY = """
    @hookimpl
    def openclaw_family():
        return Family("lamp", "Lamp", (make("lamp.light"),))
"""
# Entry point → package, module text, the fault and the cure.
BROKEN = {
    "raises": ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'", None),
    "asserts": ("assert 1 == 2, 'one is not two'", "AssertionError: one is not two", None),
    "quits": ("raise SystemExit(3)", "SystemExit: 3", None),
    "syntax": ("def (", "SyntaxError", None),
    "misspelt": (
        """
        @hookimpl
        def openclaw_famly():
            return Family("misspelt", "M", ())
        """,
        "it implements the unknown hook 'openclaw_famly'",
        "rename it to openclaw_family",
    ),
    "misspelt-unmarked": (
        """
        @hookimpl
        def openclaw_family():
            return Family("misspelt-unmarked", "M", ())
        def openclaw_node_conected(node):
            pass
        """,
        "it implements the unknown hook 'openclaw_node_conected'",
        "rename it to openclaw_node_connected",
    ),
    "unmarked": (
        """
        def openclaw_family():
            return Family("unmarked", "U", ())
        """,
        "its hook 'openclaw_family' is not marked",
        "put @hookimpl above def openclaw_family",
    ),
    "asynchronous": (
        """
        @hookimpl
        def openclaw_family():
            return Family("asynchronous", "A", ())
        @hookimpl
        async def openclaw_authorize_invoke(invocation):
            return None
        """,
        "its hook 'openclaw_authorize_invoke' is async",
        "hooks are plain functions: write def openclaw_authorize_invoke",
    ),
    "arguments": (
        """
        @hookimpl
        def openclaw_family():
            return Family("arguments", "A", ())
        @hookimpl
        def openclaw_node_connected(nodes):
            pass
        """,
        "{'nodes'}",
        "upgrade openclaw-arguments",
    ),
    "thief": (
        """
        @hookimpl
        def openclaw_family():
            return Family("thief", "T", (make("thief.own"), make("lamp.light")))
        """,
        "family 'thief' claims command 'lamp.light', which family 'lamp' owns",
        "uninstall one of the two packages, or rename the command in 'thief'",
    ),
    "thief-of-name": (
        """
        @hookimpl
        def openclaw_family():
            return Family("lamp", "T", (make("other.command"),))
        """,
        "family name 'lamp' is taken by package openclaw-lamp",
        "pip uninstall openclaw-thief-of-name",
    ),
    "nonsense": (
        """
        @hookimpl
        def openclaw_family():
            return {"name": "nonsense"}
        """,
        "its hook openclaw_family gave {'name': 'nonsense'} instead of a Family",
        "let openclaw_family() return openclaw_core.Family(...)",
    ),
    "exploding": (
        """
        @hookimpl
        def openclaw_family():
            raise OSError("no such lamp")
        """,
        "it failed to load with OSError: no such lamp",
        "upgrade openclaw-exploding",
    ),
    "model": (
        """
        @command("model.get")
        async def get(args: dict, node: NodeContext) -> Any:
            "Get."
        """,
        "command 'model.get': the first parameter is annotated with <class 'dict'>, not with a pydantic",
        "annotate it with a subclass of pydantic.BaseModel",
    ),
    "sync-command": (
        """
        @command("sync.get")
        def get(args: Any, node: NodeContext) -> Any:
            "Get."
        """,
        "command 'sync.get': the function must be `async def`",
        "write `async def`",
    ),
    "bad-command": (
        """
        @hookimpl
        def openclaw_family():
            return Family("bad-command", "B", ("bad.command",))
        """,
        "family 'bad-command' lists 'bad.command' as a command",
        "declare it with @command",
    ),
    "bad-model": (
        """
        @hookimpl
        def openclaw_family():
            return Family("bad-model", "B", (Command("bad.model", dict, Any),))
        """,
        "command 'bad.model': its params model is <class 'dict'>, not a pydantic model",
        "give it a subclass of pydantic.BaseModel",
    ),
    "bad-events": (
        """
        @hookimpl
        def openclaw_family():
            return Family("bad-events", "B", (), events=["lamp.lit"])
        """,
        "family 'bad-events' lists its events as ['lamp.lit']",
        "map each event to its scope",
    ),
    "bad-methods": (
        """
        @hookimpl
        def openclaw_family():
            return Family("bad-methods", "B", ())
        @hookimpl
        def openclaw_methods():
            return ["lamp.get"]
        """,
        "its hook openclaw_methods gave 'lamp.get' instead of an RpcMethod",
        "let openclaw_methods() return a list of",
    ),
}


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    """A healthy family among all the broken ones, and two packages with one entry point name."""
    site = tmp_path_factory.mktemp("site")
    install(site, "openclaw-lamp", "lamp = openclaw_lamp", HEALTHY)
    for name, (source, _, _) in BROKEN.items():
        module = f"openclaw_{name}".replace("-", "_")
        install(site, f"openclaw-{name}", f"{name} = {module}", source)
    for side in "ab":
        family = HEALTHY.replace("lamp", f"twin{side}")
        install(site, f"openclaw-twin-{side}", f"twin = openclaw_twin_{side}", family)
    return environment(site, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def listed(env):
    result = openclaw(env, "plugins", "list", "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["plugins"]


def one(listed, name, distribution):
    (entry,) = [row for row in listed if (row["name"], row["distribution"]) == (name, distribution)]
    return entry


@pytest.mark.parametrize("name", BROKEN)
def test_fault_and_cure(listed, name):
    _, reason, cure = BROKEN[name]
    entry = one(listed, name, f"openclaw-{name}")
    assert (entry["state"], entry["version"]) == ("failed", "1.2.3")
    assert reason in entry["reason"]
    cure = cure or f"reinstall it: pip install --force-reinstall openclaw-{name}"
    assert cure in entry["cure"]


def test_healthy_family(listed):
    entry = one(listed, "lamp", "openclaw-lamp")
    assert (entry["state"], entry["commands"], entry["version"]) == ("loaded", ["lamp.light"], "1.2.3")


def test_entry_point_name_taken(listed):
    assert one(listed, "twin", "openclaw-twin-a")["state"] == "loaded"
    second = one(listed, "twin", "openclaw-twin-b")
    assert second["reason"] == "package openclaw-twin-a has an entry point named 'twin' too"
    assert second["cure"] == "uninstall one of the two: pip uninstall openclaw-twin-b"


def test_plain_list_names_every_fault_and_cure(env):
    result = openclaw(env, "plugins", "list")
    assert result.returncode == 0, result.stderr
    for name, (_, reason, cure) in BROKEN.items():
        assert f"openclaw-{name}" in result.stdout
        assert reason in result.stdout
        assert cure is None or cure in result.stdout


@pytest.mark.anyio
async def test_gateway_serves_with_broken_families(env):
    """And the healthy one works."""
    program = (sys.executable, "-m", "openclaw_core", "gateway", "run", "--port", "0", "--token", "secret")
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*program, env=env, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(40):
            line = (await process.stdout.readline()).decode()
            url = next(word for word in line.split() if word.startswith("ws://"))
            async with Wire.open(url) as operator, Wire.open(url) as node:
                await exercise(operator, node)
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(20):
            _, errors = await process.communicate()
    assert process.returncode == 0
    assert "family thief is unusable" in errors.decode()


async def exercise(operator, node):
    from openclaw_core.testing import FakeDevice

    device = FakeDevice()
    assert (await operator.connect(operator_params(token="secret")))["ok"] is True
    assert (await node.connect(node_params(["lamp.light"], token="secret"), device))["ok"] is True
    (request,) = (await operator.call("node.pair.list"))["pending"]
    await operator.call("node.pair.approve", {"requestId": request["requestId"]})
    invoke = {"nodeId": device.device_id, "command": "lamp.light", "idempotencyKey": "k"}
    asked = await operator.post("node.invoke", invoke)
    sent = (await node.event("node.invoke.request"))["payload"]
    result = {"id": sent["id"], "nodeId": device.device_id, "ok": True, "payload": {"lit": True}}
    await node.call("node.invoke.result", result)
    assert (await operator.request("", request_id=asked))["payload"]["payload"] == {"lit": True}
    failed = {row["name"]: row for row in (await operator.call("status"))["failedFamilies"]}
    assert failed.keys() >= BROKEN.keys()
    assert failed["misspelt"]["cure"] == "rename it to openclaw_family"


def test_changed_environment_is_seen_at_once(tmp_path):
    """Also when nothing but the content changed, which stevedore's own cache cannot tell apart."""
    site = tmp_path / "site"
    install(site, "openclaw-lamp", "lamp = openclaw_lamp", HEALTHY)
    env = environment(site, tmp_path)
    names = [row["name"] for row in json.loads(openclaw(env, "plugins", "list", "--json").stdout)["plugins"]]
    assert "lamp" in names
    file = next(site.glob("*.dist-info")) / "entry_points.txt"
    before = file.stat()
    file.write_text("[openclaw.capabilities]\nlantern = openclaw_lamp\n")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    names = [row["name"] for row in json.loads(openclaw(env, "plugins", "list", "--json").stdout)["plugins"]]
    assert "lantern" in names
    assert "lamp" not in names
    assert not list(tmp_path.glob(".cache/python-entrypoints/*"))


def test_removed_package_is_gone(tmp_path):
    site = tmp_path / "site"
    install(site, "openclaw-lamp", "lamp = openclaw_lamp", HEALTHY)
    env = environment(site, tmp_path)
    assert '"lamp"' in openclaw(env, "plugins", "list", "--json").stdout
    for path in next(site.glob("*.dist-info")).iterdir():
        path.unlink()
    next(site.glob("*.dist-info")).rmdir()
    assert '"lamp"' not in openclaw(env, "plugins", "list", "--json").stdout


# In this process


def load(*plugins):
    return Plugins(
        Candidate(f"p{number}", f"d{number}", "0", plugin) for number, plugin in enumerate(plugins)
    )


def family_plugin(name, hooks=None):
    class Plugin:
        @hookimpl
        def openclaw_family(self):
            return Family(name, name.title(), ())

    for hook, function in (hooks or {}).items():
        setattr(Plugin, hook, function)
    return Plugin


def test_plugin_class_is_made_into_an_object():
    loaded = load(family_plugin("a")).loaded
    assert [item.family.name for item in loaded] == ["a"]


def test_plugin_class_that_cannot_be_made():
    class Needy:
        def __init__(self, lamp):
            self.lamp = lamp

    (failed,) = load(Needy, family_plugin("b")).failed
    assert "Needy.__init__() missing 1 required positional argument" in failed.reason
    assert failed.cure == "upgrade d0"


def test_failed_plugin_leaves_no_hook_behind():
    calls = []

    @hookimpl
    def openclaw_node_connected(self, node):
        calls.append(node)

    broken = family_plugin("a", {"openclaw_node_connected": openclaw_node_connected})
    broken.openclaw_family = hookimpl(lambda self: None)
    plugins = load(broken, family_plugin("b"))
    plugins.notify("openclaw_node_connected", node="n")
    assert calls == []
    assert [item.name for item in plugins.failed] == ["p0"]
    assert not plugins.table


def test_families_without_commands_do_not_share_a_name():
    (failed,) = load(family_plugin("a"), family_plugin("a")).failed
    assert failed.reason == "family name 'a' is taken by package d0"


def test_a_family_that_claims_a_command_twice_is_refused_whole():
    from pydantic import BaseModel

    class Twice:
        @hookimpl
        def openclaw_family(self):
            item = Command("twice.get", BaseModel, BaseModel)
            return Family("twice", "Twice", (item, item))

    plugins = load(Twice)
    assert "claims command 'twice.get', which family 'twice' owns" in plugins.failed[0].reason
    assert not plugins.table
