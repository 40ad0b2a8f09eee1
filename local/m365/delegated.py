"""Tokens on behalf of a user: for an authorization code, and for a refresh token."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from typing import Any

from local.m365 import clients, scopes
from local.m365.directory import Application, User
from local.m365.entra_errors import EntraError
from local.m365.grants import Code, Grant
from local.m365.world import World


def redeem(world: World, authority: str, base: str, form: Mapping[str, str]) -> dict[str, Any]:
    """Tokens for an authorization code."""
    # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#redeem-a-code-for-an-access-token
    world.stats.count("code_exchanges")
    application = _client(world, authority, base, form)
    code = world.grants.redeem(form.get("code", ""), application.client_id)
    if form.get("redirect_uri") != code.redirect_uri:
        raise EntraError(500112)
    _check_verifier(code, form.get("code_verifier"))
    return _answer(world, authority, base, code.grant, form.get("scope"), nonce=code.nonce)


def refresh(world: World, authority: str, base: str, form: Mapping[str, str]) -> dict[str, Any]:
    """Tokens for a refresh token, which stays good; the answer brings another one."""
    # https://learn.microsoft.com/entra/identity-platform/refresh-tokens
    world.stats.count("refreshes")
    application = _client(world, authority, base, form)
    grant = world.grants.refresh(form.get("refresh_token", ""), application)
    return _answer(world, authority, base, grant, form.get("scope"), nonce=None)


def client_info(user: User) -> str:
    """Who signed in, as a hint for routing and for caches."""
    raw = json.dumps({"uid": user.id, "utid": user.tenant}).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _client(world: World, authority: str, base: str, form: Mapping[str, str]) -> Application:
    application = clients.application(world, form.get("client_id", ""), authority)
    tenant = world.directory.tenant(authority)
    clients.authenticate(world, application, {authority, tenant.id if tenant else authority}, base, form)
    return application


def _check_verifier(code: Code, verifier: str | None) -> None:
    if not code.challenge:
        return
    if not verifier:
        raise EntraError(50148)
    made = verifier
    if code.method == "S256":
        made = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    if not hmac.compare_digest(made, code.challenge):
        raise EntraError(501481)


def _answer(
    world: World, authority: str, base: str, grant: Grant, text: str | None, *, nonce: str | None
) -> dict[str, Any]:
    user, application = grant.user, world.directory.applications[grant.client_id]
    if not world.directory.admits(authority, user):
        raise EntraError(70000, f"The grant was issued to a user of another tenant than '{authority}'.")
    asked = scopes.read(text or grant.scopes)
    # A code names one resource; for a refresh the first of several counts.
    if nonce is not None and len(asked.resources) > 1:
        raise EntraError(28000)
    resource, wanted = asked.first()
    if wanted == (f"{resource}/{scopes.EVERYTHING}",):
        wanted = scopes.read(grant.scopes).resources.get(resource, ())
    if not {scope.lower() for scope in wanted} <= application.consented(user):
        raise EntraError(65001)
    withheld = {scope.lower() for scope in world.behaviour.withheld_scopes}
    granted = [s for s in wanted if withheld.isdisjoint({s.lower(), s.rpartition("/")[2].lower()})]
    openid = [scope for scope in asked.openid if scope not in withheld]
    lifetime = world.behaviour.token_lifetime
    answer: dict[str, Any] = {
        "token_type": "Bearer",
        "scope": scopes.spell(resource, granted),
        "expires_in": lifetime,
        "ext_expires_in": lifetime,
        "access_token": world.tokens.sign(_access_claims(application, user, resource, granted), lifetime),
        "client_info": client_info(user),
    }
    if nonce is None or "offline_access" in openid:
        answer["refresh_token"] = world.grants.add_refresh_token(grant, world.behaviour.refresh_token_lifetime)
    if "openid" in openid:
        answer["id_token"] = world.tokens.sign(_id_claims(application, user, base, openid, nonce), 3600)
    return answer


def _access_claims(application: Application, user: User, resource: str, granted: list[str]) -> dict[str, Any]:
    # https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
    return {
        "aud": resource,
        "iss": f"https://sts.windows.net/{user.tenant}/",
        "appid": application.client_id,
        "appidacr": "1",
        "name": user.name,
        "oid": user.id,
        "preferred_username": user.upn,
        "scp": " ".join(scope.rpartition("/")[2] for scope in granted),
        "sub": _pairwise(application, user),
        "tid": user.tenant,
        "unique_name": user.upn,
        "upn": user.upn,
        "ver": "1.0",
    }


def _id_claims(application: Application, user: User, base: str, openid: list[str], nonce: str | None) -> dict[str, Any]:
    # https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference
    claims = {
        "aud": application.client_id,
        "iss": f"{base}/{user.tenant}/v2.0",
        "name": user.name,
        "oid": user.id,
        "preferred_username": user.upn,
        "sub": _pairwise(application, user),
        "tid": user.tenant,
        "ver": "2.0",
    }
    if nonce:
        claims["nonce"] = nonce
    if "email" in openid or "email" in application.optional_claims:
        claims["email"] = user.email
    return claims


def _pairwise(application: Application, user: User) -> str:
    """The user's name towards one application."""
    return str(uuid.uuid5(uuid.UUID(user.id), application.client_id))
