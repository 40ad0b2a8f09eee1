"""The authorize endpoint: one person's way from the application's link, over who they are and consent, back to it."""

import time
import uuid
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from local.m365 import sign_in_pages as pages
from local.m365 import sign_in_requests
from local.m365.calls import Reply
from local.m365.delegated import client_info
from local.m365.directory import User
from local.m365.entra_errors import EntraError
from local.m365.grants import Code, Grant
from local.m365.sign_in_requests import Attempt, Request
from local.m365.world import World

#: More would make a page that nobody reads.
LISTED_USERS = 50


def open_page(world: World, authority: str, query: Mapping[str, str]) -> Reply:
    """Answers an application's link with the page that asks who the person is."""
    world.stats.count("authorizations")
    try:
        request = sign_in_requests.read(world.directory, authority, query)
    except EntraError as exc:
        return pages.error(exc)
    try:
        request.check()
    except EntraError as exc:
        return _return(request, _refusal(exc))
    if request.prompt == "none":
        return _return(request, _refusal(EntraError(50058)))
    return _ask_who(world, world.attempts.add(request))


def choose(world: World, form: Mapping[str, str]) -> Reply:
    """Takes who the person says to be."""
    try:
        attempt = world.attempts.get(form.get("ctx", ""))
    except EntraError as exc:
        return pages.error(exc)
    request = attempt.request
    if form.get("action") == "cancel":
        return _return(request, {"error": "access_denied", "error_subcode": "cancel"})
    if form.get("action") == "again":
        return _ask_who(world, attempt)
    name = form.get("user") or form.get("login", "")
    user = world.directory.user(name)
    if user is None:
        return _ask_who(world, attempt, problem="This username may be incorrect. (AADSTS50034)", typed=name)
    # https://learn.microsoft.com/troubleshoot/entra/entra-id/app-integration/error-code-aadsts50020-user-account-identity-provider-does-not-exist
    foreign = not request.application.multitenant and user.tenant != request.application.home
    if foreign or not world.directory.admits(request.authority, user):
        refusal = EntraError(50020, f"User account '{user.upn}', endpoint '/{request.authority}'.")
        return pages.error(refusal, again=attempt)
    attempt.user = user
    return _ask_consent(world, attempt, user)


def consent(world: World, form: Mapping[str, str]) -> Reply:
    """Takes the person's answer to what the application asks for."""
    try:
        attempt = world.attempts.get(form.get("ctx", ""))
    except EntraError as exc:
        return pages.error(exc)
    if attempt.user is None:
        return pages.error(EntraError(9002313))
    if not world.behaviour.user_consent:
        return _return(attempt.request, _refusal(EntraError(90094)))
    if form.get("action") != "accept":
        return _return(attempt.request, _refusal(EntraError(65004)))
    asked = attempt.request.check()
    attempt.request.application.consent(attempt.user.tenant, attempt.user.id, asked.all)
    return _grant(world, attempt.request, attempt.user)


def _ask_who(world: World, attempt: Attempt, *, problem: str = "", typed: str = "") -> Reply:
    request = attempt.request
    hinted = world.directory.user(request.login_hint) if request.login_hint else None
    everybody = [] if request.prompt == "login" else world.directory.users()
    listed = sorted(everybody, key=lambda user: user is not hinted)[:LISTED_USERS]
    return pages.chooser(attempt, listed, typed=typed or request.login_hint, problem=problem)


def _ask_consent(world: World, attempt: Attempt, user: User) -> Reply:
    request = attempt.request
    asked = request.check()
    if asked.all <= request.application.consented(user) and request.prompt != "consent":
        return _grant(world, request, user)
    if not world.behaviour.user_consent:
        return pages.approval(attempt, user)
    return pages.consent(attempt, user, asked)


def _grant(world: World, request: Request, user: User) -> Reply:
    world.stats.count("codes")
    grant = Grant(request.application.client_id, user, request.scope)
    expires = time.time() + world.behaviour.code_lifetime
    code = Code(grant, request.redirect_uri, request.challenge, request.method, request.nonce, expires)
    answer = {"code": world.grants.add_code(code), "session_state": str(uuid.uuid4())}
    if request.client_info:
        answer["client_info"] = client_info(user)
    return _return(request, answer)


def _refusal(error: EntraError) -> dict[str, str]:
    body = error.body()
    return {name: str(body[name]) for name in ("error", "error_description", "error_uri")}


def _return(request: Request, answer: dict[str, str]) -> Reply:
    # https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow#successful-response
    whole = answer | ({"state": request.state} if request.state else {})
    if request.response_mode == "form_post":
        return pages.post_back(request.redirect_uri, whole)
    joint = "#" if request.response_mode == "fragment" else "&" if "?" in request.redirect_uri else "?"
    return Reply(302, None, {"Location": f"{request.redirect_uri}{joint}{urlencode(whole, quote_via=quote)}"})
