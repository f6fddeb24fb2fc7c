"""The wire contract as data: models of every frame, method and event; no I/O, no clock."""
