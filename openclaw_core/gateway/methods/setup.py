"""`device.pair.setupCode|setupStatus`, and the links that lead to a code (PROTOCOL 6.6)."""

from __future__ import annotations

import asyncio
from typing import Any

import segno
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from openclaw_core.auth import scopes
from openclaw_core.auth.auto_approval import SetupAccess
from openclaw_core.errors import InvalidRequestError
from openclaw_core.gateway.router import Call, Method
from openclaw_core.protocol.setup import (
    DevicePairSetupCodeParams,
    DevicePairSetupStatusParams,
    SetupPayload,
    encode_setup_code,
)
from openclaw_core.services.advertised_url import Advertised, advertise, advertised_as, http_url
from openclaw_core.services.runtime import Runtime
from openclaw_core.services.setup_codes import IssuedCode

__all__ = ["join_routes", "setup_methods"]

# A code is a credential: it must stay in no cache and in no other site's log.
_PRIVATE = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_QR_SCALE = 4


class _Setup:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def issue(self, call: Call) -> dict[str, Any]:
        runtime, params = self._runtime, call.params
        if runtime.settings.auth_mode == "none":
            raise InvalidRequestError(
                "gateway.auth.mode is none: every device that reaches the gateway may ask to pair, a setup "
                "code adds nothing; set it to token first"
            )
        # Asking the resolver for this host's addresses may take a while.
        advertised = await asyncio.to_thread(
            advertise,
            runtime.settings,
            runtime.port,
            public_url=params.public_url,
        )
        asked: SetupAccess = params.bootstrap_profile or "full"
        # What the code unlocks would cross the network in plain text: not the administrator's rights.
        access: SetupAccess = "limited" if asked == "full" and not advertised.is_private else asked
        code = await runtime.setup_codes.issue(
            call.connection.caller, access, with_link=bool(params.join_url)
        )
        url = advertised.urls[0]
        text = encode_setup_code(_payload(runtime, advertised, code))
        result: dict[str, Any] = {
            "setupId": code.row.setup_id,
            "setupCode": text,
            "gatewayUrl": url,
            # The contract knows two words here; by a proxy's identity no device pairs.
            "auth": "password" if runtime.settings.auth_mode == "password" else "token",
            "urlSource": advertised.source,
            "access": access,
            "expiresAtMs": code.row.expires_at_ms,
        }
        if len(advertised.urls) > 1:
            result["gatewayUrls"] = list(advertised.urls)
        if access != asked:
            result["accessDowngraded"] = True
        if params.join_url:
            result["joinUrl"] = f"{http_url(url)}/j/{code.ticket}"
        if params.include_qr:
            result["qrDataUrl"] = segno.make(text, micro=False).png_data_uri(scale=_QR_SCALE)
        return result

    def status(self, call: Call) -> dict[str, Any]:
        return self._runtime.setup_codes.status(call.params.setup_id)


def _payload(runtime: Runtime, advertised: Advertised, code: IssuedCode) -> SetupPayload:
    url = advertised.urls[0]
    facts: dict[str, Any] = {
        "url": url,
        "bootstrapToken": code.secret,
        "expiresAtMs": code.row.expires_at_ms,
    }
    if len(advertised.urls) > 1:
        facts["urls"] = list(advertised.urls)
    pin = advertised.foreign_pin or runtime.tls_fingerprint
    if pin is not None and url.startswith("wss://"):
        facts["tlsFingerprint"] = pin
    return SetupPayload.model_validate(facts)


def setup_methods(runtime: Runtime) -> list[Method]:
    """Every method of this file; both take admin."""
    setup = _Setup(runtime)
    return [
        Method("device.pair.setupCode", setup.issue, scope=scopes.ADMIN, params=DevicePairSetupCodeParams),
        Method(
            "device.pair.setupStatus", setup.status, "operator", scopes.ADMIN, DevicePairSetupStatusParams
        ),
    ]


async def _follow(request: Request) -> Response:
    """What a join link leads to: the content of its code, once."""
    if request.method != "GET":
        # A preview that only asks whether the link is there must not use it up.
        return Response(status_code=204, headers=_PRIVATE)
    runtime: Runtime = request.app.state.gateway.runtime
    code = await runtime.setup_codes.follow_link(request.path_params["ticket"])
    if code is None:
        return JSONResponse({"error": "not_found"}, status_code=404, headers=_PRIVATE)
    here = advertised_as(runtime.settings, request.url.netloc, secure=request.url.scheme == "https")
    payload = _payload(runtime, here, code)
    return JSONResponse(payload.to_wire(), headers=_PRIVATE)


def join_routes() -> list[Route]:
    """`/j/<ticket>`."""
    return [Route("/j/{ticket}", _follow)]
