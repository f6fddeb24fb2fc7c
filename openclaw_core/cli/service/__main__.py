"""`python -m openclaw_core.cli.service --log FILE NAME=VALUE … -- ARGUMENT …`: `openclaw` as a Windows task.

A scheduled task has neither an environment nor an output of its own; everything else starts
`openclaw` directly.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from openclaw_core.private_directory import make_private_directory

__all__ = ["prepare"]


def prepare(words: list[str]) -> list[str]:
    """Set the variables, send the output to the log file; the arguments that are left for `openclaw`.

    Raises:
        SystemExit: the words are not of that form.
    """
    if words[:1] != ["--log"] or "--" not in words:
        sys.exit("usage: python -m openclaw_core.cli.service --log FILE NAME=VALUE ... -- ARGUMENT ...")
    log, split = Path(words[1]), words.index("--")
    for word in words[2:split]:
        name, _, value = word.partition("=")
        os.environ[name] = value
    make_private_directory(log.parent)
    file = log.open("a", encoding="utf-8", buffering=1)
    sys.stdout = sys.stderr = file
    return words[split + 1 :]


if __name__ == "__main__":
    arguments = prepare(sys.argv[1:])
    sys.argv = ["openclaw", *arguments]
    from openclaw_core.cli import main

    main()
