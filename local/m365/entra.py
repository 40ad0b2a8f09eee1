"""Entra ID's endpoints: discovery, keys, client credentials, and the managed identity endpoint of an App Service."""

import time
from collections.abc import Mapping
from typing import Any

from local.m365 import assertions, moments
from local.m365.calls import Reply
from local.m365.directory import Application, Tenant
from local.m365.entra_errors import EntraError
from local.m365.world import World

#: Resources, besides Graph, that a token may be asked for.
OTHER_RESOURCES = {"https://outlook.office365.com", "https://outlook.office.com", "https://vault.azure.net"}
SHARED_AUTHORITIES = {"common", "organizations", "consumers"}
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def configuration(world: World, authority: str, base: str) -> Reply:
    """The OpenID configuration of an authority."""
    if authority in SHARED_AUTHORITIES:
        issuer = "{tenantid}"
    else:
        tenant = world.directory.tenant(authority)
        if tenant is None:
            return refuse(EntraError(90002, f"Tenant '{authority}'."))
        issuer = tenant.id
    return Reply(
        body={
            "issuer": f"{base}/{issuer}/v2.0",
            "authorization_endpoint": f"{base}/{authority}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/{authority}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/{authority}/oauth2/v2.0/devicecode",
            "jwks_uri": f"{base}/{authority}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
        }
    )


def keys(world: World) -> Reply:
    """The keys that sign this service's tokens."""
    return Reply(body=world.tokens.published())


def token(world: World, authority: str, base: str, form: Mapping[str, str]) -> Reply:
    """Client credentials for an access token."""
    # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
    world.stats.count("token")
    try:
        _injected(world)
        tenant = _tenant(world, authority)
        application = _application(world, tenant, form)
        _authenticate(world, tenant, application, base, form)
        audience = _audience(world, form.get("scope", ""))
    except EntraError as exc:
        world.stats.count("token_refused")
        return refuse(exc)
    lifetime = world.behaviour.token_lifetime
    principal = application.service_principal(tenant.id)
    claims: dict[str, Any] = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{tenant.id}/",
        "appid": application.client_id,
        "oid": principal,
        "sub": principal,
        "tid": tenant.id,
        "idtyp": "app",
        "ver": "1.0",
    }
    roles = application.consents[tenant.id]
    if roles and not world.faults.strikes("no_roles"):
        claims["roles"] = list(roles)
    issued = world.tokens.sign(claims, lifetime)
    expiry = {"expires_in": lifetime, "ext_expires_in": lifetime}
    return Reply(body={"token_type": "Bearer", **expiry, "access_token": issued})


def managed_identity(world: World, header: str, query: Mapping[str, str]) -> Reply:
    """A managed identity's token, as an App Service hands it out."""
    # https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
    world.stats.count("msi")
    identity = world.directory.identities.get(query.get("client_id", ""))
    resource = query.get("resource")
    known = header == world.identity_header and query.get("api-version") == "2019-08-01"
    if identity is None or not known or not resource:
        return Reply(400, {"statusCode": 400, "message": "No User Assigned or Delegated Managed Identity found."})
    lifetime = 24 * 3600
    claims = {
        "aud": resource,
        "iss": world.issuer(identity.tenant),
        "sub": identity.principal_id,
        "oid": identity.principal_id,
        "tid": identity.tenant,
        "azp": identity.client_id,
        "ver": "2.0",
    }
    return Reply(
        body={
            "access_token": world.tokens.sign(claims, lifetime),
            "expires_on": str(int(time.time()) + lifetime),
            "resource": resource,
            "token_type": "Bearer",
            "client_id": identity.client_id,
        }
    )


def refuse(error: EntraError) -> Reply:
    """An error as the token endpoint answers it."""
    return Reply(error.status, error.body(), error.headers)


def _injected(world: World) -> None:
    if world.faults.strikes("token_error"):
        code = int(world.faults.option("token_error", "code", 503))
        raise EntraError({503: 90033, 429: 90055}.get(code, code))


def _tenant(world: World, authority: str) -> Tenant:
    if authority in SHARED_AUTHORITIES:
        raise EntraError(9001023)
    tenant = world.directory.tenant(authority)
    if tenant is None:
        raise EntraError(90002, f"Tenant '{authority}'.")
    return tenant


def _application(world: World, tenant: Tenant, form: Mapping[str, str]) -> Application:
    if form.get("grant_type") != "client_credentials":
        raise EntraError(70003)
    client_id = form.get("client_id", "")
    application = world.directory.applications.get(client_id.lower())
    if application is None or tenant.id not in application.consents:
        raise EntraError(700016, f"Identifier '{client_id}', directory '{tenant.domain}'.")
    if not application.enabled:
        raise EntraError(7000112)
    return application


def _authenticate(world: World, tenant: Tenant, application: Application, base: str, form: Mapping[str, str]) -> None:
    if "client_assertion" in form and form.get("client_assertion_type") == ASSERTION_TYPE:
        audiences = [
            f"{base}/{name}{end}" for name in (tenant.id, tenant.domain) for end in ("/oauth2/v2.0/token", "/v2.0")
        ]
        assertions.check(form["client_assertion"], application, audiences, world.tokens)
        return
    if "client_secret" not in form:
        raise EntraError(7000218)
    expires = application.secrets.get(form["client_secret"])
    if expires is None:
        raise EntraError(7000215)
    if expires <= moments.now():
        raise EntraError(7000222)


def _audience(world: World, scope: str) -> str:
    resource, found, _ = scope.strip().partition("/.default")
    if not found or scope.strip() != f"{resource}/.default":
        raise EntraError(70011, f"Scope '{scope}'.")
    if resource not in world.tokens.audiences and resource not in OTHER_RESOURCES:
        raise EntraError(500011, f"Resource '{resource}'.")
    return resource
