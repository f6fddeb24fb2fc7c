"""Real third-party programs against this gateway, and this node host and CLI against a real gateway."""
