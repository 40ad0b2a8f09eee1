"""Access tokens: shown once, kept as a hash, and never reaching further than they were given."""

from datetime import timedelta
from typing import Any

import pytest

from shared.domain.callers import Caller
from shared.domain.errors import AccountNotFound, Forbidden, InvalidRequest, NotAuthenticated, TokenNotFound
from shared.domain.rate_limits import Allowance
from shared.domain.tokens import Action, Group, NewPermissions, NewToken, Scope, Token, TokenQuery
from tests.fakes.clock import START
from tests.shared.services.world import FIRST_TOKEN, SECOND_TOKEN, Process, World

NOBODY = Caller()
READING = NewPermissions(actions=("read",), groups=("account",))


def made(process: Process, **changes: object) -> str:
    """Make a token that reads accounts, and return its value."""
    request = NewToken.model_validate({"description": "CRM", "permissions": READING, **changes})
    return process.tokens.make(request)["token"]


def use(
    process: Process,
    value: str | None,
    *,
    scope: Scope = Scope.API,
    action: Action = Action.READ,
    group: Group = Group.ACCOUNT,
    account: str | None = None,
    caller: Caller = NOBODY,
) -> Allowance | None:
    """Use a token."""
    return process.tokens.authorize(value, scope, action, group, account, caller=caller)


@pytest.mark.parametrize("token", [FIRST_TOKEN, SECOND_TOKEN])
def test_a_first_token_does_everything(process: Process, token: str) -> None:
    """Each token that the deployment fixes reaches every scope, and no store is asked."""
    for scope in (Scope.API, Scope.METRICS):
        use(process, token, scope=scope, action=Action.DESTRUCTIVE, group=Group.ADMIN)


@pytest.mark.parametrize("value", [None, "", "unknown", "0" * 64])
def test_a_stranger_is_not_let_in(process: Process, value: str | None) -> None:
    """No token, or one that nobody issued, is not authenticated."""
    with pytest.raises(NotAuthenticated):
        use(process, value)


def test_a_token_is_kept_as_a_hash(world: World, process: Process) -> None:
    """The value is returned once; store, views and log know its hash only."""
    value = made(process)
    (token,) = world.tokens.all()
    use(process, value)
    assert value not in repr([token, process.tokens.page(TokenQuery()), process.tokens.show(token.id), world.log.lines])


def test_a_token_reaches_what_was_given(process: Process) -> None:
    """Scope, action and group are an allow-list."""
    value = made(process)
    use(process, value)
    with pytest.raises(Forbidden):
        use(process, value, scope=Scope.METRICS)
    with pytest.raises(Forbidden):
        use(process, value, action=Action.WRITE)
    with pytest.raises(Forbidden):
        use(process, value, group=Group.WEBHOOK)


def test_a_bound_token_reaches_its_account_only(world: World, process: Process) -> None:
    """A token for one account opens that account, and neither another nor the lists of all."""
    world.connected()
    value = made(process, account="anna", permissions=None)
    use(process, value, account="anna", action=Action.DESTRUCTIVE)
    for account in ("ben", None):
        with pytest.raises(Forbidden):
            use(process, value, account=account)


def test_a_token_expires(world: World, process: Process) -> None:
    """After its last moment a token is one that nobody issued."""
    value = made(process, expires=START + timedelta(hours=1))
    use(process, value)
    world.clock.advance(timedelta(hours=1))
    with pytest.raises(NotAuthenticated):
        use(process, value)


def test_a_revoked_token_is_dead_at_once(world: World, process: Process) -> None:
    """A token is revoked by its value or by its id, and a second time there is nothing to revoke."""
    by_value, by_id = made(process), made(process)
    use(process, by_value)
    use(process, by_id)
    assert process.tokens.revoke(by_value)
    (left,) = world.tokens.all()
    assert process.tokens.revoke(left.id)
    assert not process.tokens.revoke(left.id)
    for value in (by_value, by_id):
        with pytest.raises(NotAuthenticated):
            use(process, value)


@pytest.mark.parametrize(
    ("wrong", "key"),
    [
        ({"permissions": None}, "permissions"),
        ({"scopes": ("*",)}, "scopes"),
        ({"expires": START}, "expires"),
    ],
)
def test_a_token_that_reaches_too_far_is_not_made(process: Process, wrong: dict[str, object], key: str) -> None:
    """A token without bounds, with every scope, or with its end in the past is refused, and the field is named."""
    with pytest.raises(InvalidRequest) as refused:
        made(process, **wrong)
    assert [problem.key for problem in refused.value.problems] == [key]


def test_a_token_for_nobody_is_not_made(process: Process) -> None:
    """A token for an account that does not exist is refused."""
    with pytest.raises(AccountNotFound):
        made(process, account="nobody")


@pytest.mark.parametrize("back", [False, True], ids=["gone", "registered again"])
def test_a_token_for_an_account_that_goes_meanwhile_is_not_made(world: World, *, back: bool) -> None:
    """Where the account is removed between the look at it and the token, the token goes as well."""
    world.connected()

    class Slow:
        """Lets another process remove the account before the token is kept."""

        def insert(self, token: Token) -> None:
            other = world.process()
            other.accounts.remove("anna")
            other.work()
            if back:
                world.connected(incarnation="another")
            world.tokens.insert(token)

        def __getattr__(self, name: str) -> Any:
            return getattr(world.tokens, name)

    slow = Slow()
    process = world.process(lambda port: slow if port is world.tokens else port)
    with pytest.raises(AccountNotFound):
        made(process, account="anna")
    assert list(world.tokens.all()) == []


def test_tokens_are_listed_by_account(world: World, process: Process) -> None:
    """The list can be narrowed to the tokens of one account."""
    world.connected()
    made(process)
    made(process, account="anna", description="Anna's")
    assert process.tokens.page(TokenQuery())["total"] == 2
    assert [token["description"] for token in process.tokens.page(TokenQuery(account="anna"))["tokens"]] == ["Anna's"]


def test_tokens_are_found_by_words(process: Process) -> None:
    """A part of the description, whatever its case, or of the id narrows the list."""
    made(process)
    other = process.tokens.make(NewToken(description="Helpdesk of Contoso", permissions=READING))["id"]
    for wanted in ("HELPDESK", other[:12]):
        page = process.tokens.page(TokenQuery(query=wanted))
        assert ([token["id"] for token in page["tokens"]], page["total"], page["query"]) == ([other], 1, wanted)
    assert process.tokens.page(TokenQuery())["query"] is False


@pytest.mark.parametrize("identity", ["unknown", "0" * 64])
def test_an_unknown_token_is_not_found(process: Process, identity: str) -> None:
    """A token that nobody issued cannot be shown."""
    with pytest.raises(TokenNotFound):
        process.tokens.show(identity)


def test_a_token_that_a_newer_version_narrowed_opens_nothing(world: World, process: Process) -> None:
    """A token with a restriction that is not known here is refused, though it is known."""
    value = made(process)
    (token,) = world.tokens.all()
    world.tokens.insert(token.model_copy(update={"networks": ["10.0.0.0/8"]}))
    with pytest.raises(Forbidden):
        use(world.process(), value)


def test_a_revoked_token_is_counted_no_more(world: World, process: Process) -> None:
    """What a token with a rate limit was let in for is told, counted, and forgotten with it."""
    value = made(process, restrictions={"rateLimit": {"maxRequests": 2, "timeWindow": 60}})
    (token,) = world.tokens.all()
    assert use(process, value) == Allowance(limit=2, remaining=1, reset=60)
    assert world.rate_limits.get(token.id) is not None
    process.tokens.revoke(value)
    assert world.rate_limits.get(token.id) is None


def test_a_token_without_a_limit_costs_nothing(world: World, process: Process) -> None:
    """Nothing is counted, and nothing asked, for a token that has no rate limit."""
    value = made(process, restrictions={"referrers": "*"})
    for token in (value, FIRST_TOKEN):
        assert use(process, token) is None
    assert world.rate_limits.requests == 0
