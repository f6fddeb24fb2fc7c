"""The node's half: looks at screens. Needs the extra `[node]`."""

__all__: list[str] = []
