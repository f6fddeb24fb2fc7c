"""Commands about this machine and its files (PROTOCOL 18.6, 18.8); a node host runs them."""

from __future__ import annotations

from openclaw_core import NodeContext, command
from openclaw_core.commands import DESKTOP_PLATFORMS, Command, Platform
from openclaw_host_commands.device_models import (
    DeviceHealth,
    DeviceInfo,
    DeviceStatus,
    ListDirParams,
    ListDirResult,
    NoParams,
    UploadParams,
    UploadResult,
)

__all__ = ["DEVICE_COMMANDS"]

# Linux and unknown platforms need the operator's word (9.2).
APPS: frozenset[Platform] = frozenset(("ios", "watchos", "android", "macos", "windows"))
ANDROID: frozenset[Platform] = frozenset(("android",))


@command("device.info", platforms=APPS, read_only=True, idempotent=True)
async def info(_args: NoParams, node: NodeContext) -> DeviceInfo:
    """Tell what the device is: name, model, system and its version."""
    from openclaw_host_commands.node.device import read_info

    return read_info(node.display_name)


@command("device.status", platforms=APPS, read_only=True, idempotent=True)
async def status(_args: NoParams, _node: NodeContext) -> DeviceStatus:
    """Tell how the device is: battery, temperature, storage, network, time since its start."""
    from openclaw_host_commands.node.device import read_status

    return await read_status()


@command("device.health", platforms=ANDROID, read_only=True, idempotent=True)
async def health(_args: NoParams, _node: NodeContext) -> DeviceHealth:
    """Tell how loaded the device is: memory, disk, load, temperatures."""
    from openclaw_host_commands.node.device import read_health

    return await read_health()


@command(
    "fs.listDir",
    platforms=DESKTOP_PLATFORMS,
    admin_approval=True,
    admin_invoke=True,
    read_only=True,
    idempotent=True,
)
async def list_dir(args: ListDirParams, _node: NodeContext) -> ListDirResult:
    """List the folders in a folder of the node."""
    from openclaw_host_commands.node.files import list_folders

    return await list_folders(args)


@command("terminal.upload", platforms=DESKTOP_PLATFORMS, admin_approval=True, admin_invoke=True)
async def upload(args: UploadParams, _node: NodeContext) -> UploadResult:
    """Put a file into a private temporary folder of the node and tell its path."""
    from openclaw_host_commands.node.files import store_upload

    return await store_upload(args)


DEVICE_COMMANDS: tuple[Command, ...] = (info, status, health, list_dir, upload)
"""Every one of them."""
