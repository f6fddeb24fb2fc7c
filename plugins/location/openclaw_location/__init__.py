"""The capability family location: `location.get` (PROTOCOL 18.5).

`models` and `family` are shared and need pydantic and openclaw_core only. `node` asks gpsd and
GeoClue; it is imported when a node host probes or runs the command.
"""

__all__: list[str] = []
