"""OAuth2 applications: three credentials, none of them in a row, and verifications that take the real steps."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from shared.domain.due import DueKind
from shared.domain.errors import (
    Changed,
    InvalidRequest,
    MailboxRefused,
    OAuth2AppInUse,
    OAuth2AppNotFound,
    SignInRefused,
    TryLater,
)
from shared.domain.jobs import JobKind
from shared.domain.oauth2 import CredentialKind, NewOAuth2App, OAuth2App, OAuth2AppChange
from tests.factories import APP, CLIENT, TENANT, an_app
from tests.fakes.clock import START
from tests.fakes.faults import Faulty
from tests.shared.services.world import Process, World

CLIENT_SECRET = "8Q~secret-value-of-the-application"
IDENTITY = "2a7b0000-0000-4000-8000-000000000000"


@pytest.fixture(scope="module")
def certificate() -> str:
    """Return a private key and its certificate, PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(START - timedelta(days=1))
        .not_valid_after(START + timedelta(days=90))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return (private + made.public_bytes(serialization.Encoding.PEM)).decode()


def request(**credential: Any) -> NewOAuth2App:
    """Return the body of a registration."""
    values = {"name": "Contoso", "provider": "outlookService", "clientId": CLIENT, "authority": TENANT}
    return NewOAuth2App.model_validate({**values, **(credential or {"clientSecret": CLIENT_SECRET})})


def steps(shown: dict[str, Any]) -> dict[str, str]:
    """Return how each step of a verification went."""
    return {step["id"]: step["status"] for step in shown["steps"]}


# --- registering and changing ---


def test_a_client_secret_is_only_in_the_vault(world: World, process: Process) -> None:
    """The row refers to the secret, the view hides it, the log does not know it."""
    app = process.oauth2.register(request())
    stored = world.apps.get(app)
    assert stored is not None
    assert stored.value.secret is not None
    assert world.vault.get(stored.value.secret) == CLIENT_SECRET
    shown = process.oauth2.show(app)
    assert (shown["clientSecret"], shown["certificate"]) == ("******", None)
    assert CLIENT_SECRET not in repr([stored, shown, world.log.lines])


def test_a_certificate_is_only_in_the_vault(world: World, process: Process, certificate: str) -> None:
    """Of a certificate the row keeps thumbprint and end; its key is in the vault."""
    app = process.oauth2.register(request(certificate=certificate))
    stored = world.apps.get(app)
    assert stored is not None
    shown = process.oauth2.show(app)
    assert (shown["certificate"], shown["clientSecret"]) == ("******", None)
    assert len(shown["certificateThumbprint"]) == 64
    assert stored.value.expires == START + timedelta(days=90)
    assert "PRIVATE KEY" not in repr([stored, shown, world.log.lines])
    assert "PRIVATE KEY" in world.vault.get(stored.value.secret or "")


def test_a_managed_identity_needs_no_secret(world: World, process: Process) -> None:
    """An application that a managed identity proves keeps nothing in the vault."""
    before = dict(world.vault.secrets)
    app = process.oauth2.register(request(managedIdentity=IDENTITY))
    shown = process.oauth2.show(app)
    assert (shown["managedIdentity"], shown["clientSecret"], shown["certificate"]) == (IDENTITY, None, None)
    assert world.vault.secrets == before


def test_a_bad_certificate_leaves_nothing(world: World, process: Process) -> None:
    """A certificate that cannot be opened is refused, and no application is stored."""
    with pytest.raises(InvalidRequest):
        process.oauth2.register(request(certificate="nonsense"))
    assert [app.id for app in world.apps.all()] == [APP]


def test_a_new_secret_takes_the_place_of_the_former(world: World, process: Process) -> None:
    """After a rotation the new secret serves, and every account connects anew."""
    account = world.connected()
    former = process.changes.apps.get(APP)
    process.oauth2.change(APP, OAuth2AppChange(client_secret=CLIENT_SECRET))
    stored = process.changes.apps.get(APP)
    assert stored is not None
    assert former is not None
    assert world.vault.get(stored.value.secret or "") == CLIENT_SECRET
    assert stored.value.revision != former.value.revision
    assert [(job.kind, job.account) for job in world.jobs.bodies()] == [(JobKind.RECONNECT, account.key)]


def test_a_former_secret_outlives_the_rows_that_name_it(world: World, process: Process) -> None:
    """Whoever still knows the former row finds its secret in the vault; a night later it is gone, and the new stays."""
    elsewhere = world.process().changes.apps.get(APP)
    assert elsewhere is not None
    secrets = len(world.vault.secrets)
    for _ in range(2):
        process.oauth2.change(APP, OAuth2AppChange(client_secret=CLIENT_SECRET))
    process.relay.purges.purge()
    assert world.vault.get(elsewhere.value.secret or "")
    assert len(world.vault.secrets) == secrets + 2
    world.clock.advance(timedelta(hours=2))
    process.relay.purges.purge()
    assert len(world.vault.secrets) == secrets
    stored = world.apps.get(APP)
    assert stored is not None
    assert (world.vault.get(stored.value.secret or ""), stored.value.former_secrets) == (CLIENT_SECRET, ())


def test_an_application_goes_with_its_former_secrets(world: World, process: Process) -> None:
    """Of an application that is removed soon after a rotation, the vault keeps neither secret."""
    process.oauth2.change(APP, OAuth2AppChange(client_secret=CLIENT_SECRET))
    process.oauth2.remove(APP, force=True)
    assert world.vault.secrets.keys() == {"service-secret/00000002"}


def test_a_rotation_that_meets_another_leaves_no_secret(world: World) -> None:
    """A rotation that somebody else's change makes try again puts its secret into the vault once."""
    before = len(world.vault.secrets)
    apps = Faulty(world.apps)
    apps.fail("replace", Changed("Somebody else was faster."))
    process = world.process(lambda port: apps.port if port is world.apps else port)
    process.oauth2.change(APP, OAuth2AppChange(client_secret=CLIENT_SECRET))
    assert len(world.vault.secrets) == before + 1


def test_a_secret_whose_answer_was_lost_stays(world: World) -> None:
    """Where a write happens and only its answer is lost, the night forgets the former secret, and not the new one."""
    apps = Faulty(world.apps)
    apps.fail("replace", Changed("It was written a moment ago."), after=True)
    process = world.process(lambda port: apps.port if port is world.apps else port)
    process.oauth2.change(APP, OAuth2AppChange(client_secret=CLIENT_SECRET))
    world.clock.advance(timedelta(days=1))
    assert process.oauth2.forget_secrets() == 1
    stored = world.apps.get(APP)
    assert stored is not None
    assert world.vault.get(stored.value.secret or "") == CLIENT_SECRET


def test_an_application_that_changes_while_it_is_removed_leaves_no_secret(world: World) -> None:
    """A secret that comes between the look at a row and its deletion goes with it, and so does one that comes late."""
    late = world.process()

    class Raced:
        """Has another process change the secret before the deletion, and a third one that read the row before that."""

        def __init__(self) -> None:
            self.refusals = 0

        def delete(self, app: str, etag: str | None = None) -> None:
            if not self.refusals:
                late.oauth2.change(APP, OAuth2AppChange(client_secret=CLIENT_SECRET))
            try:
                world.apps.delete(app, etag)
            except Changed:
                self.refusals += 1
                raise

        def replace(self, app: OAuth2App, etag: str) -> None:
            world.process().oauth2.remove(APP, force=True)
            world.apps.replace(app, etag)

        def __getattr__(self, name: str) -> Any:
            return getattr(world.apps, name)

    raced = Raced()
    process = world.process(lambda port: raced if port is world.apps else port)
    process.oauth2.remove(APP, force=True)
    assert (raced.refusals, world.vault.secrets.keys()) == (1, {"service-secret/00000002"})
    world.apps.insert(an_app(secret=None))
    with pytest.raises(OAuth2AppNotFound):
        process.oauth2.change(APP, OAuth2AppChange(client_secret=CLIENT_SECRET))
    assert world.vault.secrets.keys() == {"service-secret/00000002"}


@pytest.mark.parametrize("credential", ["certificate", "managed identity"])
def test_only_a_secret_has_a_given_end(process: Process, certificate: str, credential: str) -> None:
    """The end of a secret is refused, by its name, where the application has none."""
    given = {"certificate": certificate} if credential == "certificate" else {"managedIdentity": IDENTITY}
    app = process.oauth2.register(request(**given))
    with pytest.raises(InvalidRequest) as refused:
        process.oauth2.change(app, OAuth2AppChange(client_secret_expires=START + timedelta(days=90)))
    assert [problem.key for problem in refused.value.problems] == ["clientSecretExpires"]


def test_a_certificate_is_watched(world: World, process: Process, certificate: str) -> None:
    """The end that a certificate tells is told of 30 days ahead, without anybody giving it."""
    app = process.oauth2.register(request(certificate=certificate))
    (due,) = world.due.all()
    assert (due.kind, due.subject, due.at) == (DueKind.EXPIRY, app, START + timedelta(days=60))


def test_a_credential_may_change_its_kind(world: World, process: Process) -> None:
    """A managed identity in the place of a secret leaves none behind, from the next night on."""
    process.oauth2.change(APP, OAuth2AppChange(managed_identity=IDENTITY))
    stored = world.apps.get(APP)
    assert stored is not None
    assert (stored.value.credential, stored.value.secret) == (CredentialKind.MANAGED_IDENTITY, None)
    world.clock.advance(timedelta(hours=2))
    process.relay.purges.purge()
    assert world.vault.secrets.keys() == {"service-secret/00000002"}


def test_a_change_leaves_the_rest(world: World, process: Process) -> None:
    """What a change does not name stays: the secret too."""
    before = world.apps.get(APP)
    process.oauth2.change(APP, OAuth2AppChange(name="Fabrikam", description="CRM"))
    after = world.apps.get(APP)
    assert before is not None
    assert after is not None
    assert (after.value.name, after.value.description) == ("Fabrikam", "CRM")
    assert after.value.secret == before.value.secret
    assert world.vault.get(after.value.secret or "")


@pytest.mark.parametrize("kind", ["clientSecret", "certificate"])
def test_what_was_shown_can_be_sent_back(world: World, process: Process, certificate: str, kind: str) -> None:
    """A client that reads, changes one field and writes back the stars it was shown keeps the credential."""
    given = {"clientSecret": CLIENT_SECRET, "certificate": certificate}[kind]
    app = process.oauth2.register(request(**{kind: given}))
    before = world.apps.get(app)
    shown = process.oauth2.show(app)
    echoed = {key: shown[key] for key in ("clientId", "clientSecret", "certificate", "authority")}
    process.oauth2.change(app, OAuth2AppChange.model_validate({**echoed, "name": "Fabrikam"}))
    after = world.apps.get(app)
    assert before is not None
    assert after is not None
    assert after.value.name == "Fabrikam"
    assert (after.value.secret, after.value.credential) == (before.value.secret, before.value.credential)
    assert after.value.secret in world.vault.secrets


def test_an_unknown_application_is_not_found(process: Process) -> None:
    """Nothing can be asked of an application that nobody registered."""
    asks: list[Callable[[], object]] = [
        lambda: process.oauth2.show("unknown"),
        lambda: process.oauth2.change("unknown", OAuth2AppChange(name="New")),
        lambda: process.oauth2.verify("unknown", None, test_connection=True),
    ]
    for ask in asks:
        with pytest.raises(OAuth2AppNotFound):
            ask()


def test_applications_are_listed(process: Process) -> None:
    """A page shows the applications in the order of their ids, and counts them."""
    second = process.oauth2.register(request())
    page = process.oauth2.page(0, 1)
    assert (page["total"], page["pages"], [app["id"] for app in page["apps"]]) == (2, 2, [min(APP, second)])


# --- applications that users sign in to ---


def outlook(**changes: Any) -> NewOAuth2App:
    """Return the body that registers an application with users."""
    redirect = "https://relay.example.com/oauth"
    values = {"name": "Contoso", "provider": "outlook", "clientId": CLIENT, "clientSecret": CLIENT_SECRET}
    return NewOAuth2App.model_validate({**values, "authority": "common", "redirectUrl": redirect, **changes})


def test_an_application_with_users_is_kept(process: Process) -> None:
    """It is shown as it was registered, and a change may list it and have users come back elsewhere."""
    app = process.oauth2.register(outlook(extraScopes=["email"]))
    shown = process.oauth2.show(app)
    assert (shown["provider"], shown["authority"], shown["baseScopes"]) == ("outlook", "common", "imap")
    assert (shown["enabled"], shown["redirectUrl"]) == (False, "https://relay.example.com/oauth")
    change = {"enabled": True, "redirectUrl": "https://new.example.com/oauth", "authority": "Organizations"}
    process.oauth2.change(app, OAuth2AppChange.model_validate(change))
    shown = process.oauth2.show(app)
    assert (shown["enabled"], shown["includeInListing"]) == (True, True)
    assert (shown["redirectUrl"], shown["authority"]) == ("https://new.example.com/oauth", "organizations")


def test_one_kind_of_application_does_not_become_the_other(process: Process) -> None:
    """A change of the kind is refused and names the field; application access is enabled whatever is said."""
    with pytest.raises(InvalidRequest) as refused:
        process.oauth2.change(APP, OAuth2AppChange(base_scopes="imap"))
    assert [problem.key for problem in refused.value.problems] == ["baseScopes"]
    process.oauth2.change(APP, OAuth2AppChange(enabled=False))
    shown = process.oauth2.show(APP)
    assert (shown["enabled"], shown["includeInListing"], shown["redirectUrl"]) == (True, False, None)


def test_only_a_user_can_verify_a_sign_in(world: World, process: Process) -> None:
    """A verification tries the credential where the authority is one tenant, and leaves the sign-in to a user."""
    everybody = process.oauth2.register(outlook())
    one = process.oauth2.register(outlook(authority=TENANT))
    shown = process.oauth2.verify(everybody, None, test_connection=True)
    assert (shown["authMethod"], shown["ok"]) == ("authorizationCode", True)
    assert steps(shown) == {"config": "ok", "token": "skip", "interactive": "skip"}
    assert steps(process.oauth2.verify(one, None, test_connection=False)) == {"config": "ok", "interactive": "skip"}
    assert steps(process.oauth2.verify(one, None, test_connection=True))["token"] == "ok"
    wrong = SignInRefused("The secret is wrong.", reason="AADSTS7000215", mend="Set the secret's value, not its id.")
    world.inspector.troubles.add(wrong)
    assert not process.oauth2.verify(one, None, test_connection=True)["ok"]
    assert process.oauth2.show(one)["lastError"] == {"response": "The secret is wrong."}


# --- removing ---


def test_an_application_in_use_stays(world: World, process: Process) -> None:
    """An application with accounts is kept, unless the caller insists; then it goes with its secret."""
    world.connected()
    with pytest.raises(OAuth2AppInUse) as refused:
        process.oauth2.remove(APP, force=False)
    assert refused.value.extras() == {"accounts": 1}
    assert process.oauth2.remove(APP, force=True) == {"id": APP, "deleted": True, "accounts": 1}
    assert world.vault.secrets.keys() == {"service-secret/00000002"}
    assert process.oauth2.remove(APP, force=False) == {"id": APP, "deleted": False, "accounts": 0}


# --- verifying ---


def test_a_verification_takes_every_step(world: World, process: Process) -> None:
    """Where all is well every step is ok, and the mailbox is one of the application's accounts."""
    world.connected()
    shown = process.oauth2.verify(APP, None, test_connection=True)
    assert shown["ok"]
    assert steps(shown) == dict.fromkeys(("config", "token", "roles", "mailbox", "endpoint"), "ok")
    assert world.mailboxes.probed == ["anna@contoso.com"]
    assert world.endpoint.reached == ["https://relay.example.com"]


def test_a_verification_may_stay_at_home(world: World, process: Process) -> None:
    """Without a test of the connection nobody is asked."""
    shown = process.oauth2.verify(APP, None, test_connection=False)
    assert steps(shown) == {"config": "ok"}
    assert (world.mailboxes.probed, world.endpoint.reached) == ([], [])


def test_a_refused_sign_in_skips_what_needs_it(world: World, process: Process) -> None:
    """A wrong secret fails the first step, skips what needs a token, says what to do, and is remembered."""
    wrong = SignInRefused("The secret is wrong.", reason="AADSTS7000215", mend="Set the secret's value, not its id.")
    world.inspector.troubles.add(wrong)
    shown = process.oauth2.verify(APP, "anna@contoso.com", test_connection=True)
    assert not shown["ok"]
    assert steps(shown) == {"config": "ok", "token": "fail", "roles": "skip", "mailbox": "skip", "endpoint": "ok"}
    assert shown["steps"][1]["hint"] == "Set the secret's value, not its id."
    assert process.oauth2.show(APP)["lastError"] == {"response": "The secret is wrong."}
    process.oauth2.verify(APP, "anna@contoso.com", test_connection=True)
    assert process.oauth2.show(APP)["lastError"] is None


def test_missing_roles_leave_it_to_the_mailbox(world: World, process: Process) -> None:
    """A token without roles is no failure: Exchange may grant the mailbox in its own way."""
    world.inspector.roles = ()
    shown = process.oauth2.verify(APP, "anna@contoso.com", test_connection=True)
    assert (steps(shown)["roles"], steps(shown)["mailbox"], shown["ok"]) == ("skip", "ok", True)


@pytest.mark.parametrize(
    "trouble",
    [MailboxRefused("Access is denied.", reason="ErrorAccessDenied", mend="Grant Mail.Read."), TryLater("Throttled.")],
    ids=["refused", "busy"],
)
def test_a_closed_mailbox_fails_its_step(world: World, process: Process, trouble: Exception) -> None:
    """A mailbox that does not open fails the step with what was answered and a hint."""
    world.mailboxes.troubles.add(trouble)
    shown = process.oauth2.verify(APP, "anna@contoso.com", test_connection=True)
    assert (steps(shown)["mailbox"], shown["ok"]) == ("fail", False)
    assert shown["steps"][3]["message"] == str(trouble)
    assert shown["steps"][3]["hint"]


def test_without_a_mailbox_that_step_is_skipped(process: Process) -> None:
    """Where no mailbox is named and none is registered, the step says how to have it taken."""
    shown = process.oauth2.verify(APP, None, test_connection=True)
    assert (steps(shown)["mailbox"], shown["ok"]) == ("skip", True)
    assert shown["steps"][3]["hint"]


def test_an_unreachable_endpoint_fails_its_step(world: World, process: Process) -> None:
    """Where Graph could not reach us the last step says so."""
    world.endpoint.troubles.add(TryLater("https://relay.example.com answered 404."))
    shown = process.oauth2.verify(APP, "anna@contoso.com", test_connection=True)
    assert (steps(shown)["endpoint"], shown["ok"]) == ("fail", False)


def test_without_an_address_the_endpoint_fails(world: World) -> None:
    """Without a service URL the last step names the setting that is missing."""
    world.set(service_url=None)
    shown = world.process().oauth2.verify(APP, "anna@contoso.com", test_connection=True)
    assert "serviceUrl" in shown["steps"][-1]["hint"]
