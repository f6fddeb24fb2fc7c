"""RPC methods, one file per family of names: parse, call a service, reply."""
