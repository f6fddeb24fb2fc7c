"""The gateway's half: what may be sent to a node, who approved it, and which runs are ours."""
