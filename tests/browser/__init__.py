"""The Control UI in a real browser, against a real gateway and a real node."""
