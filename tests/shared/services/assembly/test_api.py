"""What callers ask for: by whichever way they come, the same use cases answer."""

from tests.shared.services.world import World


def test_every_way_in_leads_to_one_registry() -> None:
    """An account is the same whether the API, a sign-in or an erasure asks for it."""
    relay = World().process().relay
    assert relay.registrations.accounts is relay.sign_ins.accounts is relay.erasures.registry is relay.accounts


def test_a_removed_account_takes_its_tokens_along() -> None:
    """Tokens are revoked by the one service that also answers for them."""
    relay = World().process().relay
    assert relay.jobs.removals.tokens is relay.accounts.tokens is relay.tokens
