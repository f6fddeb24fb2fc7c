"""Params, results and settings: what PROTOCOL 18.9 shows passes, nonsense is named."""

from __future__ import annotations

from typing import Any

import pytest
from openclaw_browser.config import BrowserConfig
from openclaw_browser.models import ProxyParams, ProxyResult, UploadProxyParams
from pydantic import BaseModel, ValidationError

FILE = {"path": "/n/shot.png", "base64": "aGk=", "mimeType": "image/png"}
ROUTE = {"status": "resolved", "profile": "openclaw", "driver": "openclaw"}
UPLOAD = {"envelope": "browser-upload-v1", "files": [{"name": "a.txt", "contentBase64": "aGk="}]}
CHOOSER = {"method": "POST", "path": "/hooks/file-chooser", "body": {"ref": "e1"}}

ACCEPTED: list[tuple[type[BaseModel], dict[str, Any]]] = [
    (ProxyParams, {"path": "/"}),
    (ProxyParams, {"method": "post", "path": "tabs/open/", "body": {"url": "https://a"}, "query": None}),
    (ProxyParams, {"method": "DELETE", "path": "/tabs/t1", "profile": "work", "timeoutMs": 25000.0}),
    (ProxyParams, {"method": "GET", "path": "/snapshot", "query": {"limit": 5, "labels": False, "a": None}}),
    (
        ProxyParams,
        {"path": "/", "errorEnvelope": "browser-v1", "upload": None, "profile": " ", "timeoutMs": None},
    ),
    (ProxyParams, {"path": "/", "profile": None, "body": None, "method": None, "later": 1}),
    (UploadProxyParams, {**CHOOSER, "upload": UPLOAD}),
    (ProxyResult, {"result": {"ok": True}}),
    (ProxyResult, {"result": None}),
    (ProxyResult, {"result": {"path": "/n/shot.png"}, "files": [FILE], "route": ROUTE}),
    (ProxyResult, {"result": {}, "files": [{"path": "x", "base64": ""}], "route": {"status": "unavailable"}}),
    (ProxyResult, {"error": {"status": 404, "body": {"error": "tab not found"}}, "route": ROUTE}),
]


@pytest.mark.parametrize(("model", "data"), ACCEPTED)
def test_what_the_contract_shows_passes(model: type[BaseModel], data: dict[str, Any]) -> None:
    model.model_validate(data)


def test_a_result_keeps_what_it_does_not_know() -> None:
    data = {"result": {"ok": True, "new": [1]}, "route": {**ROUTE, "more": 1}, "extra": {"a": None}}
    assert ProxyResult.model_validate(data).model_dump(mode="json") == data
    failed = {"error": {"status": 503, "body": {"error": "gone"}, "hint": "x"}}
    assert ProxyResult.model_validate(failed).model_dump(mode="json") == failed


REFUSED: list[tuple[type[BaseModel], dict[str, Any], str, str]] = [
    (ProxyParams, {}, "path", "Field required"),
    (ProxyParams, {"path": "  "}, "path", "at least 1 character"),
    (ProxyParams, {"path": "/" + "a" * 3000}, "path", "at most 2048"),
    (ProxyParams, {"path": "/", "method": "PUT"}, "method", "'GET', 'POST' or 'DELETE'"),
    (ProxyParams, {"path": "/", "timeoutMs": 0}, "timeoutMs", "greater than or equal to 1"),
    (ProxyParams, {"path": "/", "timeoutMs": 2**31}, "timeoutMs", "less than or equal to"),
    (ProxyParams, {"path": "/", "profile": "../x"}, "profile", "match pattern"),
    (ProxyParams, {"path": "/", "query": {"a": {}}}, "query", "valid string"),
    (ProxyParams, {"path": "/", "errorEnvelope": "v2"}, "errorEnvelope", "'browser-v1'"),
    (ProxyParams, {"path": "/", "upload": UPLOAD}, "", "browser.proxy.upload.v1"),
    (UploadProxyParams, CHOOSER, "upload", "Field required"),
    (UploadProxyParams, {"path": "/act", "upload": UPLOAD}, "", "/hooks/file-chooser only"),
    (UploadProxyParams, {**CHOOSER, "body": {"paths": []}, "upload": UPLOAD}, "", "without paths"),
    (UploadProxyParams, {**CHOOSER, "upload": {**UPLOAD, "files": []}}, "upload", "at least 1 item"),
    (ProxyResult, {}, "", "either result or error"),
    (ProxyResult, {"result": 1, "error": {"status": 500, "body": {}}}, "", "either result or error"),
    (ProxyResult, {"error": {"status": 200, "body": {}}}, "error", "greater than or equal to 400"),
    (ProxyResult, {"result": {}, "files": [{"path": "x", "base64": "abc"}]}, "files", "no multiple of 4"),
    (ProxyResult, {"result": {}, "files": [{"path": "x", "base64": "A" * 14_000_004}]}, "", "10 MiB"),
    (ProxyResult, {"result": {}, "files": [{"path": "x", "base64": "A" * 12_000_000}] * 2}, "", "16 MiB"),
    (ProxyResult, {"result": {}, "files": [FILE] * 257}, "", "257 files exceed"),
]


@pytest.mark.parametrize(("model", "data", "field", "said"), REFUSED)
def test_nonsense_is_named(model: type[BaseModel], data: dict[str, Any], field: str, said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(data)
    found = caught.value.errors()[0]
    assert (str(found["loc"][0]) if found["loc"] else "") == field
    assert said in str(caught.value)


def test_settings() -> None:
    plain = BrowserConfig()
    assert (plain.default_profile, list(plain.named_profiles())) == ("openclaw", ["openclaw"])
    named = BrowserConfig.model_validate({"defaultProfile": "work", "profiles": {"work": {}}})
    assert list(named.named_profiles()) == ["openclaw", "work"]
    for wrong in (
        {"defaultProfile": "nobody"},
        {"headles": True},
        {"profiles": {"../up": {}}},
        {"idleShutdownMs": -1},
        {"profiles": {"work": {"color": "red"}}},
    ):
        with pytest.raises(ValidationError):
            BrowserConfig.model_validate(wrong)
