"""Every command and snippet on the site's pages is run, in the order of its page."""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.documentation.blocks import Block, blocks, pages, requirements
from tests.documentation.reader import Reader

pytestmark = pytest.mark.docs
SYSTEM = f"{os.environ['PATH']}:/usr/sbin"


def _missing(page: str) -> list[str]:
    return [name for name in requirements(page) if shutil.which(name, path=SYSTEM) is None]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", [page for page in pages() if list(blocks(page))])
def test_what_the_page_says_is_true(page: str) -> None:
    missing = _missing(page)
    if missing and not os.environ.get("OPENCLAW_DOCS_ALL"):
        pytest.skip(f"needs {', '.join(missing)}: apt-get install what .ci/packages names")
    assert missing == []
    with ExitStack() as stack:
        # Not pytest's own directory: Chromium's sockets do not fit into paths that long.
        reader = Reader(Path(stack.enter_context(TemporaryDirectory(prefix="page-"))), stack)
        if "Xvfb" in requirements(page):
            reader.sit_down()
        for block in blocks(page):
            if block.why is None:
                reader.do(block)


NOT_RUN = [block for page in pages() for block in blocks(page) if block.why is not None]


@pytest.mark.parametrize("block", NOT_RUN, ids=lambda block: block.place)
def test_blocks_that_cannot_be_run(block: Block) -> None:
    """Listed with their reasons at the end of the run."""
    pytest.skip(f"{block.place}: {block.why}")
