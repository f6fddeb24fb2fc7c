"""Status, doctor, start, stop, profiles."""

from __future__ import annotations

from typing import Any

from openclaw_browser.node.executable import (
    find_executable,
    is_headless,
    is_unsandboxed,
    kind_of,
    missing_text,
)
from openclaw_browser.node.failures import RouteError
from openclaw_browser.node.profile import Profile
from openclaw_browser.node.request import Handler, Reply, Request

__all__ = ["BASIC_ROUTES"]


async def _status(request: Request) -> Reply:
    return Reply(_status_of(request.profile))


def _status_of(profile: Profile) -> dict[str, Any]:
    config, running = profile.config, profile.running
    detected = find_executable(config, profile.name)
    headless, source = is_headless(config)
    settings = config.named_profiles()[profile.name]
    configured = settings.executable_path or config.executable_path
    return {
        "enabled": True,
        "profile": profile.name,
        "driver": "openclaw",
        "transport": "cdp",
        "running": running is not None,
        # Chromium is driven through a pipe: no other program of the machine can reach it.
        "cdpReady": running is not None,
        "cdpHttp": False,
        "pageReady": running is not None,
        "pid": running.pid if running else None,
        "cdpPort": None,
        "cdpUrl": None,
        "chosenBrowser": kind_of(running.executable) if running else None,
        "detectedBrowser": kind_of(detected) if detected else None,
        "detectedExecutablePath": str(detected) if detected else None,
        "detectError": None if detected else missing_text(config, profile.name),
        "userDataDir": str(profile.directory),
        "color": settings.color,
        "headless": running.headless if running else headless,
        "headlessSource": source,
        "noSandbox": is_unsandboxed(config),
        "executablePath": str(configured) if configured else None,
        "attachOnly": False,
    }


async def _doctor(request: Request) -> Reply:
    status = _status_of(request.profile)
    missing = status["detectError"]
    running = status["running"]
    checks = [
        {"id": "plugin-enabled", "label": "Browser plugin", "status": "pass", "summary": "enabled"},
        {
            "id": "profile",
            "label": "Profile",
            "status": "pass",
            "summary": f"{request.profile.name} in {request.profile.directory}",
        },
        {
            "id": "managed-executable",
            "label": "Chromium executable",
            "status": "fail" if missing else "pass",
            "summary": missing or f"{status['detectedBrowser']} at {status['detectedExecutablePath']}",
        },
        {
            "id": "browser",
            "label": "Browser",
            "status": "pass" if running else "info",
            "summary": f"running, pid {status['pid']}"
            if running
            else "not running; the next request starts it",
        },
    ]
    ok = all(check["status"] != "fail" for check in checks)
    return Reply(
        {"ok": ok, "profile": request.profile.name, "transport": "cdp", "checks": checks, "status": status}
    )


async def _start(request: Request) -> Reply:
    headless = request.flag("headless")
    if headless is False and is_headless(request.profile.config) == (True, "default"):
        raise RouteError(
            409, "no display for a window; start it with headless=true, or on a machine with a display"
        )
    await request.profile.start(headless=headless)
    return Reply({"ok": True, "profile": request.profile.name})


async def _stop(request: Request) -> Reply:
    stopped = await request.profile.stop("the browser was stopped and started anew without its tabs")
    return Reply({"ok": True, "stopped": stopped, "profile": request.profile.name})


async def _profiles(request: Request) -> Reply:
    browsers = request.browsers
    found = [await _profile(browsers.profiles[name]) for name in browsers.allowed()]
    for entry in found:
        entry["isDefault"] = entry["name"] == browsers.config.default_profile
    return Reply({"profiles": found})


async def _profile(profile: Profile) -> dict[str, Any]:
    running = profile.running
    return {
        "name": profile.name,
        "driver": "openclaw",
        "transport": "cdp",
        "cdpPort": None,
        "cdpUrl": None,
        "color": profile.config.named_profiles()[profile.name].color,
        "running": running is not None,
        "tabCount": len(await running.tabs.all()) if running else 0,
        "isRemote": False,
    }


BASIC_ROUTES: dict[str, Handler] = {
    "GET /": _status,
    "GET /doctor": _doctor,
    "POST /start": _start,
    "POST /stop": _stop,
    "GET /profiles": _profiles,
}
