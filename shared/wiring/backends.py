"""Who serves mail of users: the sidecar, where the settings name one."""

from collections.abc import Sequence

from shared.ports.machine import Dependency
from shared.ports.mail import MailBackend
from shared.settings import Settings


def backend_of(settings: Settings, given: MailBackend | None) -> tuple[MailBackend, Sequence[Dependency]]:
    """Returns the sidecar, or *given* in its place, and what health looks at."""
    if given is not None:
        return given, []
    if settings.sidecar_url is None:
        from shared.adapters.sidecar.absent import AbsentSidecar  # noqa: PLC0415  what is not named need not load

        return AbsentSidecar(), []
    from shared.adapters.sidecar.client import SidecarClient, SidecarDependency  # noqa: PLC0415  the same
    from shared.adapters.sidecar.mail import SidecarMail  # noqa: PLC0415  the same

    client = SidecarClient(settings.sidecar_url, *settings.sidecar_keys)
    return SidecarMail(client), [SidecarDependency(client)]
