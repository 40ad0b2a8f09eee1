"""A user opens a link, signs in, and has a mailbox connected; whatever goes wrong is told and changes nothing."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from shared.domain.accounts import AccountState
from shared.domain.errors import InvalidRequest, ServiceUrlMissing, SignInRefused, TryLater
from shared.domain.flows import Wish
from shared.domain.grants import grant_id
from shared.domain.instance_settings import InstanceSettingsChange
from shared.domain.jobs import JobKind
from shared.domain.registrations import AccountChange
from shared.domain.sign_in_links import NewSignInForm
from shared.services.sign_ins import Choose, Done, Leave, Problem, ProblemKind, Step
from tests.factories import APP, an_outlook_app
from tests.fakes.sign_ins import SIGNED_IN
from tests.shared.services.world import Died, Fate, Process, World

BACK = "https://app.example.com/back?tenant=1"
ANNA = grant_id(APP, SIGNED_IN.tenant, SIGNED_IN.user)
REFUSED = SignInRefused("The secret is wrong.", reason="AADSTS7000215", mend="Set the secret's value.")


@pytest.fixture
def world() -> World:
    """Return a world with an application that users sign in to."""
    world = World()
    world.furnish()
    world.apps.delete(APP)
    world.apps.insert(an_outlook_app())
    return world


def link(process: Process, **fields: Any) -> dict[str, str]:
    """Return the query of a fresh link."""
    url = process.relay.sign_ins.form(NewSignInForm.model_validate({"redirectUrl": BACK, "account": "anna", **fields}))
    return dict(parse_qsl(urlsplit(url).query))


def follow(process: Process, query: dict[str, str]) -> Step:
    """Open a link."""
    return process.relay.sign_ins.open(query["data"], query["sig"], query.get("type"))


def come_back(process: Process, opened: Step, *, accepts: bool = True) -> Step:
    """Come back from Microsoft, where the user signed in unless they declined to."""
    assert isinstance(opened, Leave), opened
    answer = process.world.code_flow.visit(opened.url, accepts=accepts)
    return process.relay.sign_ins.finish(answer, opened.browser)


def sign_in(world: World, **fields: Any) -> Step:
    """Go the whole way, each step in a process of its own."""
    opened = follow(world.process(), link(world.process(), **fields))
    return come_back(world.process(), opened)


def answer_of(step: Step) -> dict[str, str]:
    """Return what the customer's application is told."""
    assert isinstance(step, Leave), step
    assert step.url.startswith("https://app.example.com/back?")
    return dict(parse_qsl(urlsplit(step.url).query))


def problem(step: Step) -> Problem:
    """Return the problem that a step is."""
    assert isinstance(step, Problem), step
    return step


def test_a_user_signs_in(world: World) -> None:
    """Whoever signs in has their own mailbox registered under their grant, and returns to where the link says."""
    assert answer_of(sign_in(world)) == {"tenant": "1", "account": "anna", "state": "new"}
    account = world.account("anna")
    assert (account.user, account.grant, account.principal) == ("anna@contoso.com", ANNA, "anna@contoso.com")
    assert (account.email, account.name, account.state) == ("anna@contoso.com", "Anna Kask", AccountState.NEW)
    assert [job.kind for job in world.jobs.bodies()] == [JobKind.CONNECT]
    grant = world.grants.get(ANNA)
    assert grant is not None
    assert grant.value.accounts == (account.key,)
    assert world.vault.get(grant.value.secret) == "refresh-of-anna"


def test_shared_mailboxes_hang_on_one_grant(world: World) -> None:
    """The same user connects any number of shared mailboxes, each an account, all on one grant."""
    sign_in(world)
    for name in ("help", "sales"):
        sign_in(world, account=name, email=f"{name}@contoso.com", delegated=True)
    accounts = [world.account(name) for name in ("anna", "help", "sales")]
    assert {account.grant for account in accounts} == {ANNA}
    assert [account.user for account in accounts[1:]] == ["help@contoso.com", "sales@contoso.com"]
    assert {account.principal for account in accounts} == {"anna@contoso.com"}
    grant = world.grants.get(ANNA)
    assert grant is not None
    assert grant.value.accounts == tuple(account.key for account in accounts)


def test_signing_in_again_renews_the_account(world: World) -> None:
    """A second sign-in for the same account is told as existing and has it connect anew."""
    sign_in(world)
    world.code_flow.user = replace(SIGNED_IN, refresh_token="second")
    assert answer_of(sign_in(world))["state"] == "existing"
    grant = world.grants.get(ANNA)
    assert grant is not None
    assert world.vault.get(grant.value.secret) == "second"
    assert JobKind.RECONNECT in [job.kind for job in world.jobs.bodies()]


def test_what_the_link_says_is_kept(world: World) -> None:
    """Paths, connections and the expected address of the link become the account's."""
    sign_in(world, path=["INBOX", "Archive"], subconnections=["Archive"], expectedEmail="Anna@Contoso.com", name="A.")
    account = world.account("anna")
    assert account.name == "A."
    assert account.options == {
        "path": ["INBOX", "Archive"],
        "subconnections": ["Archive"],
        "expectedEmail": "Anna@Contoso.com",
    }


def test_a_link_is_used_up_by_success_only(world: World) -> None:
    """A link may be opened again until somebody signed in with it, and then never again."""
    query = link(world.process())
    first, second = follow(world.process(), query), follow(world.process(), query)
    come_back(world.process(), first, accepts=False)
    assert answer_of(come_back(world.process(), second))["state"] == "new"
    assert problem(come_back(world.process(), follow(world.process(), query))).kind is ProblemKind.LINK_USED


def test_a_state_counts_once(world: World) -> None:
    """What Microsoft sent the browser back with cannot be used again, nor made up, nor kept for two days."""
    opened = follow(world.process(), link(world.process()))
    come_back(world.process(), opened)
    assert problem(come_back(world.process(), opened)).kind is ProblemKind.STATE
    for state in ("", "account:add:" + "n" * 22, "account:add:../../x", "else"):
        assert problem(world.process().relay.sign_ins.finish({"state": state})).kind is ProblemKind.STATE
    late = follow(world.process(), link(world.process(), account="late"))
    world.clock.advance(timedelta(days=1, minutes=1))
    assert problem(come_back(world.process(), late)).kind is ProblemKind.STATE


@pytest.mark.parametrize("other", [None, "", "m" * 22])
def test_a_sign_in_ends_where_it_began(world: World, other: str | None) -> None:
    """Another browser cannot finish a sign-in, even one that asks for a return: nothing is redeemed or connected."""
    opened = follow(world.process(), link(world.process(), errorRedirect=True))
    assert isinstance(opened, Leave)
    assert opened.browser
    elsewhere = problem(come_back(world.process(), Leave(opened.url, other)))
    assert elsewhere.kind is ProblemKind.OTHER_BROWSER
    assert world.grants.get(ANNA) is None


def test_a_browser_keeps_its_mark(world: World) -> None:
    """A browser that has a mark may have several sign-ins under way; what is no mark is not taken for one."""
    query = link(world.process())
    first = world.process().relay.sign_ins.open(query["data"], query["sig"], None, "m" * 22)
    again = world.process().relay.sign_ins.open(query["data"], query["sig"], None, "no mark; Path=/")
    assert isinstance(first, Leave)
    assert isinstance(again, Leave)
    assert first.browser == "m" * 22
    assert again.browser not in {None, "no mark; Path=/"}


def test_a_callback_elsewhere_knows_no_browser(world: World) -> None:
    """Where the application's callback is at another address than the pages, no cookie would come back there."""
    stored = world.apps.get(APP)
    assert stored is not None
    elsewhere = stored.value.model_copy(update={"redirect_url": "https://sign-in.example.net/oauth"})
    world.apps.replace(elsewhere, stored.etag)
    opened = follow(world.process(), link(world.process()))
    assert isinstance(opened, Leave)
    assert opened.browser is None
    assert answer_of(come_back(world.process(), opened))["state"] == "new"


def test_a_used_link_stays_used(world: World) -> None:
    """A second sign-in by the same link, begun before the link's end and finished after it, connects nothing."""
    query = link(world.process())
    world.clock.advance(timedelta(hours=23))
    first, second = follow(world.process(), query), follow(world.process(), query)
    assert answer_of(come_back(world.process(), first))["state"] == "new"
    world.clock.advance(timedelta(hours=2))
    world.process().relay.purges.purge()
    assert problem(come_back(world.process(), second)).kind is ProblemKind.LINK_USED


def test_a_forged_link_leads_nowhere(world: World) -> None:
    """A link that was changed, cut or has ended begins nothing."""
    query = link(world.process())
    for forged in ({**query, "sig": "AAAA"}, {**query, "data": query["data"][:-4]}):
        assert problem(follow(world.process(), forged)).kind is ProblemKind.LINK
    world.clock.advance(timedelta(days=1))
    assert problem(follow(world.process(), query)).kind is ProblemKind.LINK
    assert world.code_flow.begun == []


def test_a_link_of_a_leaked_secret_leads_nowhere(world: World) -> None:
    """Ten seconds after a secret was ended its links begin nothing anywhere, and only what they began is void."""
    process, other = world.process(), world.process()
    query = link(other, errorRedirect=True)
    begun = follow(other, query)
    asked = Leave(other.relay.sign_ins.authorize(an_outlook_app(), Wish(account="anna")))
    process.settings.change(InstanceSettingsChange(service_secret="another-secret", service_secret_grace=False))
    assert problem(follow(process, query)).kind is ProblemKind.LINK
    at_the_last_moment = follow(other, query)
    world.clock.advance(timedelta(seconds=10))
    assert problem(follow(other, query)).kind is ProblemKind.LINK
    for before in (begun, at_the_last_moment):
        assert problem(come_back(other, before)).kind is ProblemKind.LINK
    assert isinstance(come_back(other, asked), Done)
    assert answer_of(sign_in(world))["account"] == "anna"


def test_the_wrong_user_is_sent_back(world: World) -> None:
    """Where somebody else signs in, both are named, nothing is kept, and another try begins at once."""
    wrong = problem(sign_in(world, expectedEmail="berta@contoso.com"))
    assert (wrong.kind, wrong.signed_in, wrong.expected) == (
        ProblemKind.WRONG_ACCOUNT,
        "anna@contoso.com",
        "berta@contoso.com",
    )
    assert world.grants.get(ANNA) is None
    world.code_flow.user = replace(SIGNED_IN, user="berta", username="BERTA@contoso.com")
    assert wrong.again
    (mark,) = {flow.browser for flow in world.flows.flows.values()}
    assert answer_of(come_back(world.process(), Leave(wrong.again, mark)))["state"] == "new"


def test_the_expected_user_of_an_account_counts(world: World) -> None:
    """An account that was told whom to expect takes nobody else, whatever a later link says."""
    sign_in(world, expectedEmail="anna@contoso.com")
    world.code_flow.user = replace(SIGNED_IN, user="berta", username="berta@contoso.com")
    assert problem(sign_in(world)).kind is ProblemKind.WRONG_ACCOUNT
    world.process().change("anna", AccountChange.model_validate({"expectedEmail": None}))
    assert answer_of(sign_in(world))["state"] == "existing"


def test_a_shared_mailbox_expects_its_principal(world: World) -> None:
    """For a shared mailbox the expected address is who signs in, not the mailbox."""
    step = sign_in(world, account="help", email="help@contoso.com", delegated=True, expectedEmail="anna@contoso.com")
    assert answer_of(step)["account"] == "help"
    assert world.account("help").user == "help@contoso.com"


def test_a_missing_scope_is_named(world: World) -> None:
    """Where Microsoft granted less than is needed, what is missing is named and nothing is kept."""
    world.code_flow.user = replace(SIGNED_IN, scopes=("https://outlook.office.com/SMTP.Send",))
    missing = problem(sign_in(world))
    assert missing.kind is ProblemKind.MISSING_SCOPES
    assert "IMAP.AccessAsUser.All" in missing.detail
    assert world.grants.get(ANNA) is None


@pytest.mark.parametrize(
    ("fails", "kind"),
    [(REFUSED, ProblemKind.REFUSED), (TryLater("Entra is busy."), ProblemKind.BUSY)],
    ids=["no", "busy"],
)
def test_a_failure_is_told_and_keeps_nothing(world: World, fails: Exception, kind: ProblemKind) -> None:
    """When Microsoft refuses or does not answer, the user hears of it, the log why, and the link stays good."""
    query = link(world.process())
    opened = follow(world.process(), query)
    world.code_flow.fails = fails
    told = problem(come_back(world.process(), opened))
    assert told.kind is kind
    logged = world.log.named("sign_in.failed")[-1]
    assert (logged["kind"], logged["detail"]) == (kind, told.detail)
    assert told.detail
    assert problem(follow(world.process(), query)).kind is kind
    world.code_flow.fails = None
    assert answer_of(come_back(world.process(), follow(world.process(), query)))["state"] == "new"


def test_cancelling_returns_where_the_link_wants_it(world: World) -> None:
    """With `errorRedirect` a cancelled sign-in returns to the customer's application, otherwise it is a page."""
    opened = follow(world.process(), link(world.process(), errorRedirect=True))
    assert answer_of(come_back(world.process(), opened, accepts=False)) == {
        "tenant": "1",
        "account": "anna",
        "error": "access_denied",
        "error_description": "cancelled: AADSTS65004",
    }
    opened = follow(world.process(), link(world.process()))
    cancelled = problem(come_back(world.process(), opened, accepts=False))
    assert cancelled.kind is ProblemKind.CANCELLED
    assert cancelled.again


def test_other_failures_return_too(world: World) -> None:
    """With `errorRedirect` every failure after Microsoft's answer returns, as a server_error that names it."""
    step = sign_in(world, errorRedirect=True, expectedEmail="berta@contoso.com")
    told = answer_of(step)
    assert (told["error"], told["error_description"]) == ("server_error", "wrongAccount")


def test_a_mailbox_is_connected_once(world: World) -> None:
    """A second account for the same mailbox is refused, frees its link, and leaves the first as it was."""
    sign_in(world)
    query = link(world.process(), account="second")
    taken = problem(come_back(world.process(), follow(world.process(), query)))
    assert (taken.kind, taken.detail) == (ProblemKind.MAILBOX_TAKEN, "anna@contoso.com")
    grant = world.grants.get(ANNA)
    assert grant is not None
    assert grant.value.accounts == (world.account("anna").key,)
    world.process().relay.accounts.remove("anna")
    world.process().work()
    assert answer_of(come_back(world.process(), follow(world.process(), query)))["account"] == "second"


def test_one_application_needs_no_choice(world: World) -> None:
    """With one application that is shown, or one that the link names, the way leads straight to Microsoft."""
    assert isinstance(follow(world.process(), link(world.process())), Leave)
    world.apps.insert(an_outlook_app(id="second", title="Partners"))
    choose = follow(world.process(), link(world.process()))
    assert isinstance(choose, Choose)
    assert [choice.title for choice in choose.choices] == ["Contoso", "Partners"]
    chosen = dict(parse_qsl(choose.choices[1].url.removeprefix("?")))
    assert chosen["type"] == "second"
    assert isinstance(follow(world.process(), chosen), Leave)
    assert isinstance(follow(world.process(), link(world.process(), type="second")), Leave)


def test_hidden_applications_are_not_offered(world: World) -> None:
    """An application that is not enabled is neither offered nor opened by name."""
    stored = world.apps.get(APP)
    assert stored is not None
    world.apps.replace(stored.value.model_copy(update={"enabled": False}), stored.etag)
    query = link(world.process(), type=APP)
    assert "type" not in query
    assert problem(follow(world.process(), {**query, "type": APP})).kind is ProblemKind.NO_APPLICATION


def test_microsoft_is_told_whom_we_expect(world: World) -> None:
    """The expected address is the hint for Microsoft's page, and a shared mailbox never is."""
    follow(world.process(), link(world.process(), email="anna@contoso.com"))
    follow(world.process(), link(world.process(), email="help@contoso.com", delegated=True))
    follow(world.process(), link(world.process(), email="help@contoso.com", expectedEmail="b@contoso.com"))
    assert [begun["login_hint"] for begun in world.code_flow.begun] == ["anna@contoso.com", None, "b@contoso.com"]
    assert {begun["redirect_url"] for begun in world.code_flow.begun} == {"https://relay.example.com/oauth"}


def test_a_sign_in_for_an_api_caller(world: World) -> None:
    """A sign-in that an API caller began needs no link, and without an address to return to it ends on a page."""
    process = world.process()
    url = process.relay.sign_ins.authorize(an_outlook_app(), Wish(account="anna"))
    assert come_back(world.process(), Leave(url)) == Done("anna", "new")


def test_a_form_needs_an_address(world: World) -> None:
    """Without an address of our own there is no link, a shared mailbox must be named, and a URL has an end."""
    with pytest.raises(InvalidRequest) as refused:
        link(world.process(), delegated=True)
    assert [problem.key for problem in refused.value.problems] == ["email"]
    with pytest.raises(InvalidRequest) as refused:
        link(world.process(), path=[f"Folder {number} of many that somebody names" for number in range(200)])
    assert [problem.key for problem in refused.value.problems] == ["path"]
    world.set(service_url=None)
    with pytest.raises(ServiceUrlMissing):
        link(world.process())


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 16))
def test_a_death_leaves_no_half_account(world: World, at: int, *, after: bool) -> None:
    """Wherever a process dies at the end of a sign-in, signing in anew brings the account, attached to its grant."""
    opened = follow(world.process(), link(world.process()))
    with suppress(Died):
        come_back(world.process(Fate(at=at, after=after).over), opened)
    assert answer_of(sign_in(world))["account"] == "anna"
    grant = world.grants.get(ANNA)
    assert grant is not None
    assert grant.value.accounts == (world.account("anna").key,)
    assert world.vault.get(grant.value.secret) == "refresh-of-anna"
