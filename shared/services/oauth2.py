"""OAuth2 applications: how the product signs in, kept with references to the secrets and never with the secrets."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.domain.accounts import Account, AccountState
from shared.domain.certificates import ClientCertificate, read_certificate
from shared.domain.errors import (
    Changed,
    FieldProblem,
    InvalidRequest,
    MailboxRefused,
    OAuth2AppInUse,
    OAuth2AppNotFound,
    RelayError,
    SignInRefused,
    TryLater,
)
from shared.domain.jobs import Job, JobKind
from shared.domain.oauth2 import (
    HAS_NO_GIVEN_END,
    CredentialKind,
    FormerSecret,
    NewOAuth2App,
    OAuth2App,
    OAuth2AppChange,
    change_problems,
    view,
)
from shared.domain.paging import numbered
from shared.domain.providers import SHARED_AUTHORITIES, Provider, spelt
from shared.domain.verification import Step, StepStatus, role_step
from shared.ports.machine import Machine
from shared.ports.microsoft365 import EndpointProbe, Mailboxes, TokenInspector
from shared.ports.queues import JobQueue
from shared.ports.records import Stored
from shared.ports.state import AccountStore, OAuth2AppStore
from shared.ports.vault import Vault
from shared.services.expiries import Expiries
from shared.services.instance_settings import InstanceSettingsService
from shared.services.lookups import Lookup

# Processes keep a row for a minute; whatever signs in at that moment takes no hour.
_GRACE = timedelta(hours=1)
_CLEARABLE = frozenset({"description", "title"})
_CREDENTIAL = "Client credentials token"
_INTERACTIVE = ("enabled", "redirect_url")
_PLAIN = ("name", "description", "title", "client_id", "cloud", "extra_scopes", "skip_scopes")


@dataclass(frozen=True)
class OAuth2Apps:
    """Registers, changes, shows, verifies and removes applications."""

    store: OAuth2AppStore
    lookup: Lookup[Stored[OAuth2App] | None]
    accounts: AccountStore
    jobs: JobQueue
    expiries: Expiries
    vault: Vault
    inspector: TokenInspector
    mailboxes: Mailboxes
    endpoint: EndpointProbe
    settings: InstanceSettingsService
    machine: Machine

    def register(self, request: NewOAuth2App) -> str:
        """Stores an application and returns its id; raises InvalidRequest for a certificate that cannot be used."""
        now = self.machine.clock.now()
        app_id = self.machine.randomness.app_id()
        app = OAuth2App(
            id=app_id,
            name=request.name,
            description=request.description,
            title=request.title,
            provider=request.provider,
            enabled=request.enabled or request.provider is not Provider.OUTLOOK,
            client_id=request.client_id,
            tenant=request.authority,
            cloud=request.cloud,
            redirect_url=request.redirect_url,
            extra_scopes=request.extra_scopes,
            skip_scopes=request.skip_scopes,
            created=now,
            updated=now,
            revision=self.machine.randomness.nonce(),
            **self._credential(app_id, request),
        )
        self.store.insert(app)
        self.lookup.forget(app_id)
        self.expiries.watch(app)
        self.machine.log.event("app.registered", app=app_id, credential=app.credential)
        return app_id

    def change(self, app_id: str, change: OAuth2AppChange) -> None:
        """
        Changes what *change* names, forgets the last error, and has every account of the application connect anew.

        Another credential takes the former one's end with it; the former secret stays in the vault for the processes
        that know it still, until a night after that. Raises OAuth2AppNotFound, or InvalidRequest where the
        provider would change or does not take a value, or where an end is given that is past, or that no secret has.
        """
        credential: dict[str, Any] = {}
        while True:
            stored = self.store.get(app_id)
            if stored is None:
                self._discard(credential)
                raise OAuth2AppNotFound(app_id)
            former = stored.value
            problems = change_problems(former, change)
            if problems:
                raise InvalidRequest(*problems)
            given = change.model_fields_set
            update: dict[str, Any] = {name: getattr(change, name) for name in _PLAIN if name in given}
            update = {name: value for name, value in update.items() if value is not None or name in _CLEARABLE}
            if former.provider is Provider.OUTLOOK:
                update |= {name: getattr(change, name) for name in _INTERACTIVE if getattr(change, name) is not None}
            if change.authority is not None:
                update["tenant"] = change.tenant if change.authority == "tenant" else spelt(change.authority)
            if change.credential_kinds():
                # Once only: a second try must not leave another secret in the vault.
                credential = credential or self._credential(app_id, change)
                update |= {**credential, "former_secrets": self._former_secrets(former, credential["secret"])}
            elif "client_secret_expires" in given:
                update["expires"] = self._secret_expires(change, former.credential)
            if update.get("expires", former.expires) != former.expires:
                update["notice"] = None
            update |= {
                "updated": self.machine.clock.now(),
                "revision": self.machine.randomness.nonce(),
                "last_error": None,
            }
            try:
                changed = former.model_copy(update=update)
                self.store.replace(changed, stored.etag)
            except Changed:
                continue
            self.lookup.forget(app_id)
            self.expiries.watch(changed)
            self._reconnect_accounts(app_id)
            self.machine.log.event("app.changed", app=app_id, names=sorted(given))
            return

    def remove(self, app_id: str, *, force: bool) -> dict[str, Any]:
        """
        Removes an application and its secret.

        Raises OAuth2AppInUse while accounts use it, unless *force*; one that is not there is removed already.
        """
        while True:
            stored = self.store.get(app_id)
            if stored is None:
                return {"id": app_id, "deleted": False, "accounts": 0}
            used = sum(1 for _ in self._accounts_of(app_id))
            if used and not force:
                raise OAuth2AppInUse(app_id, used)
            try:
                self.store.delete(app_id, stored.etag)
            except Changed:
                # It may have another secret by now, which must go as well.
                continue
            break
        self.lookup.forget(app_id)
        for reference in (stored.value.secret, *(former.reference for former in stored.value.former_secrets)):
            if reference is not None:
                self.vault.delete(reference)
        self.machine.log.event("app.deleted", app=app_id, accounts=used)
        return {"id": app_id, "deleted": True, "accounts": used}

    def forget_secrets(self) -> int:
        """Removes from the vault the secrets that nobody signs in with any more, and returns how many those were."""
        now = self.machine.clock.now()
        return sum(self._forget_secrets(app, now) for app in self.store.all() if app.former_secrets)

    def show(self, app_id: str) -> dict[str, Any]:
        """Returns the application as the API shows it, with the number of its accounts; raises OAuth2AppNotFound."""
        shown = view(self._stored(app_id).value).model_dump(mode="json", by_alias=True)
        return {**shown, "accounts": sum(1 for _ in self._accounts_of(app_id))}

    def page(self, page: int, page_size: int) -> dict[str, Any]:
        """Returns a numbered page of applications."""
        counts, shown = numbered(list(self.store.all()), page, page_size)
        return {**counts, "apps": [view(app).model_dump(mode="json", by_alias=True) for app in shown]}

    def verify(self, app_id: str, account: str | None, *, test_connection: bool) -> dict[str, Any]:
        """
        Takes the real steps, one after the other, and says of each how it went and what would mend it.

        *account* is the mailbox to open; without one, any of the application's accounts serves. After a step that
        failed, those that need it are skipped.
        """
        app = self._stored(app_id).value
        user = account or next((found.user for found in self._accounts_of(app_id)), None)
        steps = [Step(id="config", label="Configuration", status=StepStatus.OK)]
        if app.provider is Provider.OUTLOOK:
            steps += self._interactive_steps(app, test_connection=test_connection)
        elif test_connection:
            steps += self._sign_in_steps(app)
            signed_in = all(step.status is not StepStatus.FAIL for step in steps)
            steps.append(self._mailbox_step(app, user, signed_in=signed_in))
            steps.append(self._endpoint_step())
        shown: dict[str, Any] = {
            "app": app.id,
            "provider": app.provider,
            "authMethod": "authorizationCode" if app.provider is Provider.OUTLOOK else "clientCredentials",
            "account": user,
            "ok": all(step.status is not StepStatus.FAIL for step in steps),
            "steps": [step.model_dump(mode="json", exclude_none=True) for step in steps],
        }
        self._remember(app, next((step.message for step in steps if step.id == "token"), None))
        return shown

    def _interactive_steps(self, app: OAuth2App, *, test_connection: bool) -> list[Step]:
        interactive = Step(
            id="interactive",
            label="Sign-in of a user",
            status=StepStatus.SKIP,
            hint="Only a user can take this step: have one sign in through POST /v1/authentication/form.",
        )
        if not test_connection:
            return [interactive]
        if app.tenant in SHARED_AUTHORITIES:
            hint = "Its credential can be tried without a user only where the authority is one tenant."
            return [Step(id="token", label=_CREDENTIAL, status=StepStatus.SKIP, hint=hint), interactive]
        return [_step("token", _CREDENTIAL, lambda: self.inspector.inspect(app)), interactive]

    def _sign_in_steps(self, app: OAuth2App) -> list[Step]:
        roles: tuple[str, ...] = ()

        def sign_in() -> None:
            nonlocal roles
            roles = self.inspector.inspect(app).roles

        token = _step("token", _CREDENTIAL, sign_in)
        if token.status is StepStatus.FAIL:
            return [token, Step(id="roles", label="Application permissions", status=StepStatus.SKIP)]
        return [token, role_step(roles)]

    def _mailbox_step(self, app: OAuth2App, user: str | None, *, signed_in: bool) -> Step:
        label = "Mailbox access (Microsoft Graph)"
        if not signed_in:
            return Step(id="mailbox", label=label, status=StepStatus.SKIP)
        if user is None:
            hint = 'Name a mailbox as "account" to have it opened.'
            return Step(id="mailbox", label=label, status=StepStatus.SKIP, hint=hint)
        return _step("mailbox", label, lambda: self.mailboxes.probe(app, user))

    def _endpoint_step(self) -> Step:
        label = "Notification endpoint"
        service_url = self.settings.current().service_url
        if service_url is None:
            return Step(
                id="endpoint",
                label=label,
                status=StepStatus.FAIL,
                message="No address is set at which Graph could call this service.",
                hint='Set "serviceUrl" through POST /v1/settings.',
            )
        return _step("endpoint", label, lambda: self.endpoint.reach(service_url))

    def _remember(self, app: OAuth2App, error: str | None) -> None:
        stored = self.store.get(app.id)
        if stored is None or stored.value.revision != app.revision or stored.value.last_error == error:
            return
        try:
            self.store.replace(stored.value.model_copy(update={"last_error": error}), stored.etag)
        except Changed:
            return

    def _credential(self, app_id: str, request: NewOAuth2App | OAuth2AppChange) -> dict[str, Any]:
        kind = request.credential_kinds()[0]
        kept: dict[str, Any] = {
            "credential": kind,
            "secret": None,
            "thumbprint": None,
            "managed_identity": None,
            "expires": None,
        }
        if kind is CredentialKind.MANAGED_IDENTITY:
            return {**kept, "managed_identity": request.managed_identity}
        if kind is CredentialKind.SECRET:
            expires = self._secret_expires(request, kind)
            reference = self.vault.put(f"oauth2-{app_id}", request.client_secret or "")
            return {**kept, "secret": reference, "expires": expires}
        certificate: ClientCertificate = read_certificate(
            request.certificate or "", request.certificate_password, now=self.machine.clock.now()
        )
        return {
            **kept,
            "secret": self.vault.put(f"oauth2-{app_id}", certificate.model_dump_json()),
            "thumbprint": certificate.thumbprint,
            "expires": certificate.expires,
        }

    def _secret_expires(self, request: NewOAuth2App | OAuth2AppChange, kind: CredentialKind) -> datetime | None:
        expires = request.client_secret_expires
        if expires is not None and kind is not CredentialKind.SECRET:
            raise InvalidRequest(FieldProblem("clientSecretExpires", HAS_NO_GIVEN_END))
        if expires is not None and expires <= self.machine.clock.now():
            raise InvalidRequest(FieldProblem("clientSecretExpires", '"clientSecretExpires" must be in the future'))
        return expires

    def _former_secrets(self, app: OAuth2App, secret: str | None) -> tuple[FormerSecret, ...]:
        if app.secret is None or app.secret == secret:
            # A first try has written the row, and only its answer was lost: what is there is the new secret.
            return app.former_secrets
        # Other processes sign in with the row that they know, for as long as they keep it.
        return (*app.former_secrets, FormerSecret(reference=app.secret, until=self.machine.clock.now() + _GRACE))

    def _discard(self, credential: dict[str, Any]) -> None:
        """Has the vault forget a secret that was kept for an application that is gone."""
        if credential.get("secret"):
            self.vault.delete(credential["secret"])

    def _forget_secrets(self, listed: OAuth2App, now: datetime) -> int:
        stored = self.store.get(listed.id)
        if stored is None:
            return 0
        kept = tuple(former for former in stored.value.former_secrets if former.until > now)
        over = [former for former in stored.value.former_secrets if former not in kept]
        for former in over:
            # The vault comes before the row: a crash in between repeats it, and the other order could leave a secret.
            self.vault.delete(former.reference)
        try:
            if over:
                self.store.replace(stored.value.model_copy(update={"former_secrets": kept}), stored.etag)
        except Changed:
            # Somebody changes the application at this moment; the next night finds it again.
            return 0
        return len(over)

    def _accounts_of(self, app_id: str) -> Iterator[Account]:
        everyone = self.accounts.all()
        return (account for account in everyone if account.app == app_id and account.state is not AccountState.DELETED)

    def _reconnect_accounts(self, app_id: str) -> None:
        for account in self._accounts_of(app_id):
            self.jobs.put(Job(kind=JobKind.RECONNECT, account=account.key, incarnation=account.incarnation))

    def _stored(self, app_id: str) -> Stored[OAuth2App]:
        stored = self.store.get(app_id)
        if stored is None:
            raise OAuth2AppNotFound(app_id)
        return stored


def _step(step_id: str, label: str, take: Callable[[], object]) -> Step:
    try:
        take()
    except (SignInRefused, MailboxRefused) as refusal:
        return Step(id=step_id, label=label, status=StepStatus.FAIL, message=_short(refusal), hint=refusal.mend)
    except TryLater as busy:
        hint = "This may pass by itself: try again in a minute."
        return Step(id=step_id, label=label, status=StepStatus.FAIL, message=_short(busy), hint=hint)
    return Step(id=step_id, label=label, status=StepStatus.OK)


def _short(problem: RelayError) -> str:
    return str(problem)[:512]
