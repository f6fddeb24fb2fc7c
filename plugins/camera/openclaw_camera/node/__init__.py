"""The node's half: finds cameras, takes photos, records clips. Needs the extra `[node]`."""

__all__: list[str] = []
