"""Applications at the token endpoint: which one asks, and how it proves itself."""

from collections.abc import Mapping

from local.m365 import assertions, moments
from local.m365.directory import Application
from local.m365.entra_errors import EntraError
from local.m365.world import World

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def application(world: World, client_id: str, directory: str) -> Application:
    """Finds an application that is enabled; *directory* is what a refusal names."""
    found = world.directory.applications.get(client_id.lower())
    if found is None:
        raise EntraError(700016, f"Identifier '{client_id}', directory '{directory}'.")
    if not found.enabled:
        raise EntraError(7000112)
    return found


def authenticate(world: World, known: Application, names: set[str], base: str, form: Mapping[str, str]) -> None:
    """Has an application prove itself; an assertion may be addressed to the token endpoint by any of *names*."""
    if "client_assertion" in form and form.get("client_assertion_type") == ASSERTION_TYPE:
        audiences = [f"{base}/{name}{end}" for name in names for end in ("/oauth2/v2.0/token", "/v2.0")]
        assertions.check(form["client_assertion"], known, audiences, world.tokens)
        return
    if "client_secret" not in form:
        raise EntraError(7000218)
    expires = known.secrets.get(form["client_secret"])
    if expires is None:
        raise EntraError(7000215)
    if expires <= moments.now():
        raise EntraError(7000222)
