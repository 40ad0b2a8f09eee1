"""Mail of users: through the sidecar where there is one."""

from collections.abc import Callable

from shared.adapters.sidecar.absent import AbsentSidecar
from shared.adapters.sidecar.mail import SidecarMail
from shared.settings import Settings
from shared.wiring.backends import backend_of


def test_a_sidecar_is_a_dependency_where_there_is_one(settings: Callable[..., Settings]) -> None:
    """With a sidecar's address mail of users is read there and health looks at it; without one it is absent."""
    backend, dependencies = backend_of(settings(), None)
    assert (type(backend), dependencies) == (AbsentSidecar, [])
    backend, (dependency,) = backend_of(settings(sidecar_url="http://127.0.0.1:1", sidecar_key="k" * 32), None)
    assert (type(backend), dependency.name) == (SidecarMail, "sidecar")
