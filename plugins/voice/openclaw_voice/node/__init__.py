"""The family on a node: microphone, recognition, speaker."""

__all__: list[str] = []
