"""
Sign-ins: a user opens a link, signs in at Microsoft, and comes back with a mailbox connected.

Whatever goes wrong on this way ends in a `Problem` that a page can show, or, where the link asked for it, in a return
to the customer's application with `error`. The user's browser names nothing that counts: the state leads to the flow,
and the flow holds what was signed.

A sign-in ends in the browser in which it began: else somebody could begin one, and have another person's browser finish
it, whose mailbox would be connected to the wrong account, or who would return to the application as somebody else
(https://www.rfc-editor.org/rfc/rfc9700#section-4.7). The browser keeps a mark in a cookie for that.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlencode, urlsplit

from shared.domain.accounts import Access
from shared.domain.errors import (
    FieldProblem,
    InvalidRequest,
    RelayError,
    ServiceUrlMissing,
    SignInCancelled,
    SignInRefused,
    TryLater,
)
from shared.domain.flows import LIFETIME, Flow, Wish
from shared.domain.grants import Grant
from shared.domain.oauth2 import OAuth2App
from shared.domain.providers import Provider
from shared.domain.registrations import NewAccount
from shared.domain.scopes import missing, scopes_of
from shared.domain.sign_in_links import (
    LONGEST,
    LinkRefused,
    NewSignInForm,
    is_expected,
    new_link,
    opened,
    returning,
    signed,
    wish_of,
)
from shared.ports.machine import Machine
from shared.ports.records import Stored
from shared.ports.sign_ins import SignedIn
from shared.ports.sign_ins import SignIns as CodeFlow
from shared.ports.state import FlowStore, OAuth2AppStore
from shared.services.accounts import Accounts
from shared.services.bindings import AccountExists
from shared.services.grants import Grants
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup

_STATE = re.compile(r"account:add:([A-Za-z0-9_-]{21,22})")
_MARK = re.compile(r"[A-Za-z0-9_-]{22}")
_CALLBACK = "/oauth"
_PAGE = "/accounts/new"


class ProblemKind(StrEnum):
    """What kept a user from signing in; a page has words for each."""

    LINK = "link"
    LINK_USED = "linkUsed"
    NO_APPLICATION = "noApplication"
    STATE = "state"
    OTHER_BROWSER = "otherBrowser"
    CANCELLED = "cancelled"
    WRONG_ACCOUNT = "wrongAccount"
    MISSING_SCOPES = "missingScopes"
    MAILBOX_TAKEN = "mailboxTaken"
    REFUSED = "refused"
    BUSY = "busy"
    OURS = "ours"


@dataclass(frozen=True, slots=True)
class Leave:
    """
    The browser goes elsewhere: to Microsoft, or back to the customer's application.

    `browser` is the mark that it keeps until it is back from Microsoft.
    """

    url: str
    browser: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """An application that the user may sign in with, under the URL that begins it."""

    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Choose:
    """The user chooses among several applications."""

    choices: Sequence[Choice]


@dataclass(frozen=True, slots=True)
class Problem:
    """
    What to tell the user. `detail` is Microsoft's code or what is missing, `mend` what an administrator should do.

    `again` is where another try begins, where one makes sense.
    """

    kind: ProblemKind
    status: int
    detail: str = ""
    mend: str = ""
    signed_in: str = ""
    expected: str = ""
    again: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The mailbox is connected; the link named no address to return to."""

    account: str
    state: str


Step = Leave | Choose | Problem | Done


@dataclass(frozen=True)
class SignIns:
    """Leads users through their sign-in."""

    flows: FlowStore
    apps: OAuth2AppStore
    app_lookup: Lookup[Stored[OAuth2App] | None]
    code_flow: CodeFlow
    grants: Grants
    accounts: Accounts
    settings: InstanceSettingsService
    machine: Machine

    def form(self, request: NewSignInForm) -> str:
        """
        Returns the signed URL of the sign-in page.

        Raises ServiceUrlMissing where nobody said at which address we are, and InvalidRequest where `delegated` names
        no mailbox, or what is asked for does not fit into a URL.
        """
        if request.delegated and not request.email:
            raise InvalidRequest(FieldProblem("email", '"email" is required with "delegated": the shared mailbox'))
        link = new_link(request, nonce=self.machine.randomness.nonce(), now=self.machine.clock.now())
        query = signed(link, self.settings.secrets()[0])
        if len(query["data"]) > LONGEST:
            raise InvalidRequest(FieldProblem("path", "is too long for a link, with all else that is asked for"))
        if request.type and request.type in {app.id for app in self._listed()}:
            query["type"] = request.type
        return f"{self._own_url()}{_PAGE}?{urlencode(query)}"

    def open(self, data: str, sig: str, app: str | None, browser: str | None = None) -> Step:
        """
        Returns where a link leads: to Microsoft where one application is meant, to a choice where there are more.

        *browser* is the mark that the browser has already.
        """
        try:
            link = opened(data, sig, self.settings.secrets(), self.machine.clock.now())
        except LinkRefused as refused:
            return Problem(ProblemKind.LINK, refused.status_hint, detail=str(refused))
        listed = list(self._listed())
        chosen = [each for each in listed if each.id == app] or listed
        if not chosen:
            return Problem(ProblemKind.NO_APPLICATION, 404)
        if len(chosen) == 1:
            known = browser if browser and _MARK.fullmatch(browser) else self.machine.randomness.nonce()
            return self._begin(chosen[0], wish_of(link), known)
        links = (urlencode({"data": data, "sig": sig, "type": each.id}) for each in chosen)
        return Choose([Choice(app.title or app.name, f"?{link}") for app, link in zip(chosen, links, strict=True)])

    def authorize(self, app: OAuth2App, wish: Wish) -> str:
        """Begins a sign-in that an API caller asked for and returns Microsoft's URL; raises as the code flow does."""
        # Its browser has not been here yet, so any may come back.
        return self._begun(app, wish, None).url

    def finish(self, answer: Mapping[str, str], browser: str | None = None) -> Step:
        """Ends a sign-in with what the browser brought back from Microsoft; *browser* is its mark."""
        state = _STATE.fullmatch(answer.get("state", ""))
        flow = self.flows.take(state.group(1)) if state else None
        if flow is None or flow.expires < self.machine.clock.now():
            return Problem(ProblemKind.STATE, 400)
        if self._is_void(flow):
            self.machine.log.problem("sign_in.failed", app=flow.app, kind=ProblemKind.LINK)
            return Problem(ProblemKind.LINK, 403)
        if flow.browser is not None and not hmac.compare_digest(flow.browser.encode(), (browser or "").encode()):
            self.machine.log.problem("sign_in.failed", app=flow.app, kind=ProblemKind.OTHER_BROWSER)
            return Problem(ProblemKind.OTHER_BROWSER, 400)
        step = self._finish(flow, answer)
        if isinstance(step, Problem):
            self.machine.log.problem("sign_in.failed", app=flow.app, kind=step.kind, detail=step.detail)
            return self._returned(flow.wish, step)
        return step

    def _is_void(self, flow: Flow) -> bool:
        """Tells whether the link that led here may be of whoever had the service secret that was ended since."""
        links_from = self.settings.current().links_from
        return bool(flow.wish.link and links_from and flow.began < links_from)

    def _finish(self, flow: Flow, answer: Mapping[str, str]) -> Step:
        app = self._app(flow.app)
        if app is None:
            return Problem(ProblemKind.NO_APPLICATION, 404)
        found = self._answered(app, flow, answer)
        if isinstance(found, Problem):
            return self._again(found, app, flow)
        objection = self._objection(app, flow.wish, found)
        if objection is not None:
            return self._again(objection, app, flow)
        return self._connect(app, flow, found)

    def _answered(self, app: OAuth2App, flow: Flow, answer: Mapping[str, str]) -> SignedIn | Problem:
        try:
            return self.code_flow.finish(app, flow.protocol, answer)
        except SignInCancelled as cancelled:
            return Problem(ProblemKind.CANCELLED, 400, detail=cancelled.reason)
        except SignInRefused as refused:
            return Problem(ProblemKind.REFUSED, 403, detail=refused.reason, mend=refused.mend)
        except TryLater as busy:
            return Problem(ProblemKind.BUSY, 503, detail=str(busy))

    def _objection(self, app: OAuth2App, wish: Wish, signed_in: SignedIn) -> Problem | None:
        lacking = missing(signed_in.scopes, scopes_of(app))
        if lacking:
            return Problem(ProblemKind.MISSING_SCOPES, 403, detail=", ".join(lacking))
        expected = wish.expected_email or self._expected(wish.account)
        if expected and not is_expected(expected, [signed_in.username, signed_in.email]):
            return Problem(ProblemKind.WRONG_ACCOUNT, 403, signed_in=signed_in.username, expected=expected)
        return None

    def _connect(self, app: OAuth2App, flow: Flow, signed_in: SignedIn) -> Step:
        wish = flow.wish
        # A flow that began in the link's last minute may come back after the link's own end.
        if wish.link and wish.link_expires and not self.flows.use(wish.link, flow.id, wish.link_expires + LIFETIME):
            return Problem(ProblemKind.LINK_USED, 403)
        grant = self.grants.keep(app, signed_in)
        try:
            account, state = self.accounts.register(*_registration(app, wish, signed_in, grant))
        except AccountExists:
            self._undo(wish, grant)
            return Problem(ProblemKind.MAILBOX_TAKEN, 400, detail=wish.mailbox or signed_in.username)
        except RelayError:
            self._undo(wish, grant)
            raise
        self.machine.log.event("sign_in.finished", account=account, app=app.id, state=state)
        if wish.redirect_url is None:
            return Done(account, state)
        return Leave(returning(wish.redirect_url, account=account, state=state))

    def _undo(self, wish: Wish, grant: Grant) -> None:
        """Frees the link, and lets go of a grant on which nothing hangs."""
        if wish.link:
            self.flows.unuse(wish.link)
        self.grants.detach(grant.id, "", seen=grant.updated)

    def _begin(self, app: OAuth2App, wish: Wish, browser: str | None) -> Step:
        try:
            return self._begun(app, wish, browser)
        except SignInRefused as refused:
            return Problem(ProblemKind.REFUSED, 403, detail=refused.reason, mend=refused.mend)
        except TryLater as busy:
            return Problem(ProblemKind.BUSY, 503, detail=str(busy))

    def _begun(self, app: OAuth2App, wish: Wish, browser: str | None) -> Leave:
        nonce, own = self.machine.randomness.nonce(), self.settings.current().service_url
        hint = wish.expected_email or (None if wish.mailbox else wish.email)
        callback = app.redirect_url or f"{self._own_url()}{_CALLBACK}"
        # A cookie comes back to the site that set it, and to no other.
        mark = browser if own and _site(callback) == _site(own) else None
        begun = self.code_flow.begin(app, callback, state=f"account:add:{nonce}", login_hint=hint)
        expires = self.machine.clock.now() + LIFETIME
        flow = Flow(id=nonce, app=app.id, wish=wish, protocol=begun.flow, browser=mark, expires=expires)
        self.flows.put(flow)
        return Leave(begun.url, mark)

    def _again(self, problem: Problem, app: OAuth2App, flow: Flow) -> Problem:
        """Returns *problem* with a sign-in begun anew, under the same wish; the link's own end still counts."""
        wish = flow.wish
        if wish.link_expires is not None and wish.link_expires < self.machine.clock.now():
            return problem
        begun = self._begin(app, wish, flow.browser)
        return replace(problem, again=begun.url) if isinstance(begun, Leave) else problem

    def _returned(self, wish: Wish, problem: Problem) -> Step:
        """Returns to the customer's application, where the link asked for that."""
        if not (wish.error_redirect and wish.redirect_url):
            return problem
        # https://www.rfc-editor.org/rfc/rfc6749#section-4.1.2.1
        error = "access_denied" if problem.kind is ProblemKind.CANCELLED else "server_error"
        told = {"error": error, "error_description": f"{problem.kind}: {problem.detail}".rstrip(": ")}
        named = {"account": wish.account} if wish.account else {}
        return Leave(returning(wish.redirect_url, **named, **told))

    def _expected(self, account: str | None) -> str | None:
        known = self.accounts.get(account) if account else None
        return known.options.get("expectedEmail") if known else None

    def _listed(self) -> list[OAuth2App]:
        return [app for app in self.apps.all() if app.provider is Provider.OUTLOOK and app.enabled]

    def _app(self, app: str) -> OAuth2App | None:
        stored = self.app_lookup.get(app)
        return stored.value if stored else None

    def _own_url(self) -> str:
        url = self.settings.current().service_url
        if url is None:
            raise ServiceUrlMissing
        return url


def _site(url: str) -> tuple[str, str | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname


def _registration(app: OAuth2App, wish: Wish, signed_in: SignedIn, grant: Grant) -> tuple[NewAccount, Access]:
    mailbox = wish.mailbox or signed_in.username
    own = None if wish.mailbox else signed_in.name
    request = NewAccount.model_validate(
        {
            **wish.fields,
            "account": wish.account,
            "name": wish.name or own,
            "email": wish.mailbox or signed_in.email or signed_in.username,
            "oauth2": {"provider": app.id, "auth": {"user": mailbox}},
        }
    )
    return request, Access(app.id, mailbox, grant.id, signed_in.username)
