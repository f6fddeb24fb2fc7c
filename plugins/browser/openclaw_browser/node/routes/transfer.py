"""Files between the caller and a page: file choosers and downloads. Nothing of it stays on the node."""

from __future__ import annotations

import asyncio
import base64
import binascii
import mimetypes
from collections.abc import Awaitable
from pathlib import Path, PurePosixPath
from typing import Any

from playwright.async_api import Download, FileChooser, FilePayload
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from openclaw_browser.files import size_problem
from openclaw_browser.models import UploadFile
from openclaw_browser.node.elements import element
from openclaw_browser.node.failures import GONE, RouteError, readable
from openclaw_browser.node.request import Handler, Reply, Request
from openclaw_browser.node.tabs import Tab

__all__ = ["TRANSFER_ROUTES", "collect_downloads"]


async def _give_files(request: Request) -> Reply:
    if not request.upload:
        raise RouteError(
            400,
            "files are required; send them in upload with browser.proxy.upload.v1, paths of the node's own"
            " disk are not taken",
        )
    ref, selector = request.text("inputRef"), request.text("element")
    trigger = request.text("ref")
    if trigger and (ref or selector):
        raise RouteError(400, "ref and inputRef (or element) exclude each other")
    files = [_payload(item) for item in request.upload]
    tab = await request.tab()
    budget = request.left_ms(20_000)
    if ref or selector:
        locator, name = await element(tab, ref, selector)
        await _try(name, locator.set_input_files(files, timeout=budget))
    elif trigger:
        locator, name = await element(tab, trigger)
        async with tab.page.expect_file_chooser(timeout=budget) as chooser:
            await _try(name, locator.click(timeout=budget))
        await _try(name, (await chooser.value).set_files(files, timeout=budget))
    else:

        async def fill(opened: FileChooser) -> None:
            await opened.set_files(files)

        tab.page.once("filechooser", fill)
    return Reply({"ok": True})


def _payload(item: UploadFile) -> FilePayload:
    name = PurePosixPath(item.name.replace("\\", "/")).name or "upload"
    try:
        data = base64.b64decode(item.content_base64, validate=True)
    except binascii.Error as error:
        raise RouteError(400, f"contentBase64 of {name!r} is not base64: {error}") from None
    return {
        "name": name,
        "mimeType": mimetypes.guess_type(name)[0] or "application/octet-stream",
        "buffer": data,
    }


async def _try(target: str, work: Awaitable[Any]) -> None:
    try:
        await work
    except PlaywrightError as error:
        if GONE.search(str(error)):
            raise
        raise readable(error, target) from None


async def _download(request: Request) -> Reply:
    ref = request.require("ref")
    tab = await request.tab()
    locator, name = await element(tab, ref)
    tab.downloads.clear()
    await _try(name, locator.click(timeout=request.left_ms(20_000)))
    return await _take_download(request, tab)


async def _wait_download(request: Request) -> Reply:
    return await _take_download(request, await request.tab())


async def _take_download(request: Request, tab: Tab) -> Reply:
    budget = request.left_ms(20_000)
    if not tab.downloads:
        try:
            await tab.page.wait_for_event("download", timeout=budget)
        except PlaywrightTimeout:
            raise RouteError(504, f"the page began no download within {budget:.0f} ms") from None
    reply = Reply({"ok": True, "targetId": tab.target_id})
    reply.body["download"] = await _keep(tab.downloads.pop(0), reply, request.text("path"))
    return reply


async def _keep(download: Download, reply: Reply, name: str | None = None) -> dict[str, Any]:
    """Read a download into the reply and remove it from the disk."""
    suggested = PurePosixPath(download.suggested_filename).name or "download"
    try:
        path = Path(await download.path())
        problem = size_problem([(await asyncio.to_thread(path.stat)).st_size])
        if problem is not None:
            raise RouteError(413, f"download {suggested!r}: {problem}")
        data = await asyncio.to_thread(path.read_bytes)
    except PlaywrightError as error:
        raise RouteError(502, f"download {suggested!r} failed: {error}") from None
    finally:
        await download.delete()
    kept = PurePosixPath(name).name if name else suggested
    mime_type = mimetypes.guess_type(suggested)[0] or "application/octet-stream"
    path_on_wire = reply.attach(data, mime_type, kept)
    return {"url": download.url, "suggestedFilename": suggested, "path": path_on_wire}


async def collect_downloads(tab: Tab, reply: Reply) -> None:
    """Put what an action made the page download into its answer."""
    if tab.downloads:
        downloads, tab.downloads[:] = list(tab.downloads), []
        reply.body["downloads"] = [await _keep(item, reply) for item in downloads]


TRANSFER_ROUTES: dict[str, Handler] = {
    "POST /hooks/file-chooser": _give_files,
    "POST /download": _download,
    "POST /wait/download": _wait_download,
}
