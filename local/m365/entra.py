"""Entra ID's endpoints: discovery, keys, tokens, and the managed identity endpoint of an App Service."""

import time
from collections.abc import Mapping
from typing import Any

from local.m365 import clients, delegated
from local.m365.calls import Reply
from local.m365.directory import SHARED_AUTHORITIES, Tenant
from local.m365.entra_errors import EntraError
from local.m365.world import World

#: Resources, besides Graph, that a token may be asked for.
OTHER_RESOURCES = {"https://outlook.office365.com", "https://outlook.office.com", "https://vault.azure.net"}


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
    """A token for what an application holds: its own credential, a code, or a refresh token."""
    world.stats.count("token")
    try:
        _injected(world)
        return Reply(body=_grant(world, authority, base, form))
    except EntraError as exc:
        world.stats.count("token_refused")
        return refuse(exc)


def _grant(world: World, authority: str, base: str, form: Mapping[str, str]) -> dict[str, Any]:
    match form.get("grant_type"):
        case "client_credentials":
            return _client_credentials(world, authority, base, form)
        case "authorization_code":
            return delegated.redeem(world, authority, base, form)
        case "refresh_token":
            return delegated.refresh(world, authority, base, form)
        case _:
            raise EntraError(70003)


def _client_credentials(world: World, authority: str, base: str, form: Mapping[str, str]) -> dict[str, Any]:
    # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
    tenant = _tenant(world, authority)
    application = clients.application(world, form.get("client_id", ""), tenant.domain)
    if tenant.id not in application.consents:
        raise EntraError(700016, f"Identifier '{application.client_id}', directory '{tenant.domain}'.")
    clients.authenticate(world, application, {tenant.id, tenant.domain}, base, form)
    audience = _audience(world, form.get("scope", ""))
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
    return {"token_type": "Bearer", **expiry, "access_token": issued}


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


def _audience(world: World, scope: str) -> str:
    resource, found, _ = scope.strip().partition("/.default")
    if not found or scope.strip() != f"{resource}/.default":
        raise EntraError(70011, f"Scope '{scope}'.")
    if resource not in world.tokens.audiences and resource not in OTHER_RESOURCES:
        raise EntraError(500011, f"Resource '{resource}'.")
    return resource
