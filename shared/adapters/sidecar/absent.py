"""Where no sidecar is set up: whoever needs one is told so, and tries again once there is."""

from collections.abc import Sequence
from typing import Any, Never

from shared.domain.errors import NoSidecar
from shared.ports.microsoft365 import Reading, ReadRequest, Unread

_MEND = "SIDECAR_URL is not set: mailboxes of users who sign in need the sidecar, see README."


class AbsentSidecar:
    """Does nothing for nobody."""

    def read(self, requests: Sequence[ReadRequest]) -> list[Reading]:
        """Returns for each request that it cannot be read."""
        return [Unread(NoSidecar(_MEND)) for _ in requests]

    def _refuse(self, *_: Any, **__: Any) -> Never:
        raise NoSidecar(_MEND)

    probe = messages = flag = move = delete = append = send = make_folder = remove_folder = _refuse
