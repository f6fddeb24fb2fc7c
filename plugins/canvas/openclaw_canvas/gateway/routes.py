"""HTTP routes below `/__openclaw__/canvas/`; the gateway lets in who has a scoped URL (PROTOCOL 13)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from openclaw_canvas.content_types import content_type
from openclaw_canvas.gateway.documents import DOCUMENTS_PATH, Documents
from openclaw_canvas.gateway.page import host_page

__all__ = ["HOME", "canvas_routes"]

HOME = "/__openclaw__/canvas/"


def canvas_routes(documents: Callable[[], Documents]) -> list[Route]:
    """The A2UI host page at `/` and `a2ui/`, the documents, and redirects to them.

    Args:
        documents: gives the documents of the running gateway.
    """

    async def file(request: Request) -> Response:
        document_id, path = request.path_params["id"], request.path_params.get("path", "")
        found = await asyncio.to_thread(documents().find, document_id, path)
        if found is None:
            text = f"no file {path or 'index.html'!r} in document {document_id!r}"
            return JSONResponse({"error": {"message": text, "type": "not_found"}}, 404)
        # A sandboxed page has no origin, so its modules and data come "from elsewhere". Whoever
        # knows the URL could read them anyway.
        headers = {"Access-Control-Allow-Origin": "*"}
        return FileResponse(found, media_type=content_type(found.name), headers=headers)

    return [
        Route(HOME.removesuffix("/"), _add_slash),
        Route(HOME, _host),
        Route(f"{HOME}a2ui", _add_slash),
        Route(f"{HOME}a2ui/", _host),
        Route(f"{DOCUMENTS_PATH}{{id}}", _add_slash),
        Route(f"{DOCUMENTS_PATH}{{id}}/{{path:path}}", file),
    ]


async def _host(_request: Request) -> Response:
    page = await asyncio.to_thread(host_page)
    headers = {"Content-Security-Policy": page.policy}
    return Response(page.html, 200 if page.built else 503, headers, media_type="text/html")


async def _add_slash(request: Request) -> Response:
    # Relative: the token in front of the path is not ours to repeat.
    return RedirectResponse(f"./{request.url.path.rpartition('/')[2]}/", 307)
