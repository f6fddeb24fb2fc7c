"""How one gateway reaches a node: today the nodes of this process, later those of others."""
