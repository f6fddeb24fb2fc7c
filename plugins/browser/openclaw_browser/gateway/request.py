"""`browser.request`: the browser of whichever node has one, as the real CLI asks for it."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from openclaw_browser.gateway.media import keep_files, media_directory
from openclaw_browser.models import ProxyParams, ProxyResult
from openclaw_browser.paths import is_host_local, is_profile_mutation
from openclaw_core.errors import InvalidRequestError, RpcError, UnavailableError
from openclaw_core.hookspecs import MethodContext, NodeView, RpcMethod

__all__ = ["ADMIN", "BrowserRequestParams", "browser_methods"]

ADMIN = "operator.admin"
COMMAND = "browser.proxy"
DEFAULT_TIMEOUT_MS, SLACK_MS = 20_000, 5_000


def _trimmed(value: Any) -> Any:
    return (value.strip() or None) if isinstance(value, str) else value


_Selector = Annotated[str, Field(max_length=256)]


class BrowserRequestParams(ProxyParams):
    """A request to a browser; without `node` it goes to the node that has one.

    Attributes:
        target: `node`; there is no browser of the gateway's own for `host`.
        node: id or display name.
    """

    target: Literal["host", "node"] | None = None
    node: Annotated[_Selector | None, BeforeValidator(_trimmed)] = None


def browser_methods() -> list[RpcMethod]:
    """Every method of the family with its scope."""
    return [RpcMethod("browser.request", ADMIN, BrowserRequestParams, _request)]


async def _request(args: BrowserRequestParams, context: MethodContext) -> Any:
    """Send the request to a node's browser and answer what the route answered.

    Raises:
        InvalidRequestError: the request can never succeed so, or a route says so.
        UnavailableError: no node has a browser, or it failed.
    """
    if is_profile_mutation(args.method, args.path):
        raise InvalidRequestError(
            "browser.request cannot mutate persistent browser profiles over a node proxy"
        )
    if args.target == "host" or is_host_local(args.method, args.path):
        raise InvalidRequestError(
            "this gateway drives browsers of nodes only; run `openclaw node run` on the machine whose browser"
            " is meant, and ask with target node"
        )
    node = _choose(args, context)
    budget = args.timeout_ms or DEFAULT_TIMEOUT_MS
    params: dict[str, Any] = {
        "method": args.method,
        "path": args.path,
        "query": args.query,
        "body": args.body,
        "profile": args.profile,
        "timeoutMs": budget,
        "errorEnvelope": "browser-v1",
    }
    sent = {key: value for key, value in params.items() if value is not None}
    payload = await context.invoke_node(node.node_id, COMMAND, sent, budget + SLACK_MS)
    return await _answer(ProxyResult.model_validate(payload), node)


def _choose(args: BrowserRequestParams, context: MethodContext) -> NodeView:
    able = [node for node in context.nodes if COMMAND in node.commands]
    wanted = args.node or context.config.node
    if wanted is not None:
        chosen = [node for node in able if wanted in (node.node_id, node.display_name)]
        if len(chosen) == 1:
            return chosen[0]
        known = ", ".join(f"{node.display_name} ({node.node_id[:12]})" for node in able) or "none"
        raise UnavailableError(f"no single connected node {wanted!r} with a browser; there are: {known}")
    if not able:
        raise UnavailableError(
            "no connected node has a browser; run `openclaw node run` on a machine with Chromium and approve"
            " its commands (`openclaw node doctor` there says what is missing)"
        )
    if len(able) > 1:
        names = ", ".join(sorted(node.display_name for node in able))
        raise InvalidRequestError(
            f"several nodes have a browser: {names}; name one in node, or in"
            " plugins.entries.browser.config.node"
        )
    return able[0]


async def _answer(result: ProxyResult, node: NodeView) -> Any:
    if result.error is not None:
        body = result.error.body
        message = str(body.get("error") or f"browser request failed ({result.error.status})")
        kind: type[RpcError] = UnavailableError if result.error.status >= 500 else InvalidRequestError
        raise kind(message, body)
    try:
        await asyncio.to_thread(keep_files, result.result, result.files or (), media_directory())
    except (OSError, ValueError) as error:
        raise UnavailableError(
            f"browser proxy file transfer failed: {error} (node {node.display_name})"
        ) from None
    return result.result
