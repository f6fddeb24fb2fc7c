"""The node's half: sources of positions, and the choice among them."""
