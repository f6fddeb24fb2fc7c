"""The family on a gateway: wake words, talk events, transcripts."""

__all__: list[str] = []
