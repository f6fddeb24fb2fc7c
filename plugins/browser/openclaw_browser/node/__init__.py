"""The half that runs on a node: needs the extra `[node]`."""
