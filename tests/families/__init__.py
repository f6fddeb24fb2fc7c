"""Every family on one machine, asked for everything it can do by the CLI."""
