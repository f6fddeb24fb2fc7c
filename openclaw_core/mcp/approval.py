"""Asking the agent's person before something harmful is run, in both ways that the protocol has.

Up to its version of 2025 a server asks while it answers; from 2026 on it answers that it needs a
word, and the client calls again with it. The word counts for the very call it was asked for.
"""

from __future__ import annotations

import asyncio
import logging
from hashlib import blake2b
from typing import Any, Literal

import orjson
from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from openclaw_core.client.operator import Tool

__all__ = ["ask_person", "can_ask"]

_log = logging.getLogger(__name__)

_MOST_CHARS = 2_000
_YES_OR_NO: dict[str, Any] = {"type": "object", "properties": {}}

_PATIENCE_S = 600.0
"""As long as a question waits at the gateway."""

Word = Literal["accept", "decline", "cancel", "silence", "unasked"]
"""What the person said; `silence` is no answer in time, `unasked` a client that could not ask after all."""


def can_ask(ctx: ServerRequestContext[Any], scopes: frozenset[str]) -> bool:
    """True when the client can show a question and its connection may approve (`operator.approvals`)."""
    if scopes.isdisjoint(("operator.approvals", "operator.admin")):
        return False
    declared = ctx.session.client_capabilities
    elicitation = declared.elicitation if declared is not None else None
    if elicitation is None or (elicitation.form is None and elicitation.url is not None):
        return False
    return _calls_again(ctx) or ctx.session.can_send_request


async def ask_person(
    ctx: ServerRequestContext[Any], params: CallToolRequestParams, tool: Tool
) -> Word | InputRequiredResult:
    """Their word, or what to answer so that the client calls again with it."""
    message = _question(tool, params.arguments or {})
    if not _calls_again(ctx):
        return await _ask_now(ctx, message)
    key = f"approve-{_digest(params)}"
    given = (params.input_responses or {}).get(key)
    if isinstance(given, ElicitResult):
        return given.action
    form = ElicitRequestFormParams(message=message, requested_schema=_YES_OR_NO)
    return InputRequiredResult(input_requests={key: ElicitRequest(params=form)})


async def _ask_now(ctx: ServerRequestContext[Any], message: str) -> Word:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            answer = await ctx.session.elicit_form(message, _YES_OR_NO, related_request_id=ctx.request_id)
    except TimeoutError:
        return "silence"
    except (MCPError, ValidationError) as error:
        _log.warning("the agent's client could not ask its person: %s", error)
        return "unasked"
    return answer.action


def _calls_again(ctx: ServerRequestContext[Any]) -> bool:
    return ctx.protocol_version in MODERN_PROTOCOL_VERSIONS


def _question(tool: Tool, args: dict[str, Any]) -> str:
    shown = orjson.dumps(args, option=orjson.OPT_INDENT_2).decode()
    if len(shown) > _MOST_CHARS:
        shown = f"{shown[:_MOST_CHARS]}\n… ({len(shown)} characters in all)"
    return f"Allow {tool.command} ({tool.label}) on {tool.node_name}?\n\n{shown}"


def _digest(params: CallToolRequestParams) -> str:
    call = orjson.dumps([params.name, params.arguments or {}], option=orjson.OPT_SORT_KEYS)
    return blake2b(call, digest_size=16).hexdigest()
