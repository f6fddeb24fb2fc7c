"""Keys of the original's configuration that this gateway accepts and does not read (PROTOCOL 24)."""

from __future__ import annotations

__all__ = ["FOREIGN_KEYS"]

# Keys of the original that this gateway has no use for: accepted, not read.
_GATEWAY = frozenset(
    "allowRealIpFallback cliAgents http portals publicOrigin push reload roles tailscale terminal "
    "tools".split()
)

# Sections of the original below `gateway` that this gateway reads only in part.
FOREIGN_KEYS: dict[str, frozenset[str]] = {
    "gateway": _GATEWAY,
    "gateway.tls": frozenset(("caPath",)),
    "gateway.auth": frozenset("allowTailscale identityScopes".split()),
    "gateway.remote": frozenset(
        "transport remotePort edgeAuth sshTarget sshIdentity sshHostKeyPolicy enabled".split()
    ),
    "gateway.controlUi": frozenset(
        "dangerouslyDisableDeviceAuth enabled basePath experimental root environment communityInvite github "
        "sessionObserver embedSandbox allowExternalEmbedUrls automaticallyFetchFavicons allowInsecureAuth "
        "dangerouslyAllowHostHeaderOriginFallback".split()
    ),
    "gateway.nodes": frozenset("browser pluginTools allowSkills".split()),
    "gateway.nodes.pairing": frozenset(("sshVerify",)),
}
"""Section → keys that are accepted there and not read."""
