"""`node.pair.request` and `node.pair.verify` of gateways before 2026.7 (PROTOCOL 25.1, 25.3)."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from openclaw_core.protocol.base import Omittable, Wire

__all__ = ["NodePairAnnounceParams", "NodePairVerifyParams"]

Text = Annotated[str, Field(min_length=1, max_length=256)]
Names = Annotated[list[Text], Field(max_length=1_024)]


class NodePairAnnounceParams(Wire):
    """`node.pair.request`: a helper announces a node on its behalf."""

    node_id: Text
    display_name: Omittable[Text] = None
    platform: Omittable[Text] = None
    version: Omittable[Text] = None
    core_version: Omittable[Text] = None
    ui_version: Omittable[Text] = None
    device_family: Omittable[Text] = None
    model_identifier: Omittable[Text] = None
    caps: Omittable[Names] = None
    commands: Omittable[Names] = None
    permissions: Omittable[dict[str, bool]] = None
    remote_ip: Omittable[Text] = None
    silent: Omittable[bool] = None


class NodePairVerifyParams(Wire):
    """`token`: of an approval by announcement, or the node's live device token."""

    node_id: Text
    token: Text
