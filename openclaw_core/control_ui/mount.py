"""The page at `/`: open to everyone, as it holds nothing; what it shows, it asks for as an operator."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from openclaw_core.control_ui.site import BUILD_COMMAND, STATIC_DIR, StaticFile, find_files

__all__ = ["ControlUiMount"]

_SECURITY: Final = {
    # Nothing from elsewhere, nothing inline, no frame around it, no form that leads away.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src data: blob:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_KEPT: Final = "public, max-age=31536000, immutable"
_ASKED_AGAIN: Final = "no-cache"

_MISSING: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>OpenClaw: the Control UI is not built</title>
<h1>The Control UI is not built</h1>
<p>This gateway serves everything else. Where it is installed from a clone, the page takes Node.js 20 or newer
with npm, once: <code>{command}</code>. A released package brings it along:
<code>pip install --upgrade openclaw-core</code>.</p></html>
"""


class ControlUiMount:
    """An ASGI application over the files that the build of `ui/` left.

    Args:
        _site: where the gateway is; the page finds its own way back, by the address it came from.
        directory: of the built page.
    """

    path = "/"
    needs_secret = False

    def __init__(self, _site: object = None, *, directory: Path = STATIC_DIR) -> None:
        self._directory = directory
        self._files = find_files(directory)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = self._answer(Request(scope))
        response.headers.update(_SECURITY)
        await response(scope, receive, send)

    async def close(self) -> None:
        """There is nothing to end."""

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return PlainTextResponse("method not allowed\n", 405, {"Allow": "GET, HEAD"})
        if not self._files:  # perhaps it was built since
            self._files = find_files(self._directory)
        path = request.scope["path"]
        if not self._files and path == "/":
            text = _MISSING.format(command=escape(BUILD_COMMAND))
            return Response(text, 503, {"Cache-Control": "no-store"}, "text/html; charset=utf-8")
        file = self._files.get(path)
        if file is None:
            return PlainTextResponse("not found\n", 404, {"Cache-Control": "no-store"})
        return _serve(file, request.headers.get("accept-encoding", ""))


def _serve(file: StaticFile, accepted: str) -> Response:
    wanted = {part.partition(";")[0].strip().lower() for part in accepted.split(",") if not _refused(part)}
    encoding = next(name for name in file.forms if name in wanted or name == "identity")
    headers = {"Cache-Control": _KEPT if file.hashed else _ASKED_AGAIN, "Vary": "Accept-Encoding"}
    if encoding != "identity":
        headers["Content-Encoding"] = encoding
    return FileResponse(file.forms[encoding], headers=headers, media_type=file.media_type)


def _refused(part: str) -> bool:
    return part.partition(";")[2].replace(" ", "").lower() in ("q=0", "q=0.0", "q=0.00", "q=0.000")
