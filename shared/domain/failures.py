"""
Failures: what the log may say of an error that nobody foresaw.

The text of such an error may show what it stumbled over: mail, a token, a key. So only its kind is told, and where it
happened; our own errors are worded for everybody.
"""

import traceback
from pathlib import PurePath
from typing import Any

from shared.domain.errors import RelayError

_FRAMES = 20


def explained(problem: BaseException) -> dict[str, Any]:
    """Returns the log's fields `error` and `stack` for *problem*; an error of ours has no stack."""
    if isinstance(problem, RelayError):
        return {"error": str(problem)}
    return {"error": " from ".join(_kinds(problem)), "stack": _stack(problem)}


def _kinds(problem: BaseException) -> list[str]:
    """Returns the kind of *problem*, of its cause, and so on."""
    kinds: list[str] = []
    cause: BaseException | None = problem
    while cause is not None and len(kinds) < _FRAMES:
        kinds.append(type(cause).__name__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return kinds


def _stack(problem: BaseException) -> list[str]:
    """Returns where it happened, the innermost call last, without a word of the lines or their values."""
    frames = [
        f"{'/'.join(PurePath(frame.f_code.co_filename).parts[-2:])}:{line} {frame.f_code.co_name}"
        for frame, line in traceback.walk_tb(problem.__traceback__)
    ]
    return frames[-_FRAMES:]
