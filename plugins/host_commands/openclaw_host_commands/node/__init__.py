"""The node's half: the policy of this machine, plans, processes and notifications."""
