"""`python -m openclaw_core` is the console script `openclaw`."""

from openclaw_core.cli import main

if __name__ == "__main__":
    main()
