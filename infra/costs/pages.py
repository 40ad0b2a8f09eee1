"""Pages: a block of a page that begins with `$ python -m infra.costs ...` shows what that command prints."""

import re
import shlex
from collections.abc import Callable, Sequence

_BLOCK = re.compile(
    r"(?<=^```text\n)\$ python -m infra\.costs(?P<options>[^\n]*)\n.*?(?=^```$)", re.MULTILINE | re.DOTALL
)


def renewed(page: str, said: Callable[[Sequence[str]], str]) -> str:
    """Returns *page* with each block as its command prints it today."""

    def block(found: re.Match[str]) -> str:
        options = found["options"]
        return f"$ python -m infra.costs{options}\n{said(shlex.split(options))}"

    return _BLOCK.sub(block, page)
