"""The half that runs on a gateway: no dependency beyond core."""
