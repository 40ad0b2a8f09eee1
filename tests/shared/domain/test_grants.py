"""A grant is one user's sign-in to one application."""

from shared.domain.grants import SHARDS, grant_id, shard_of


def test_one_user_has_one_grant() -> None:
    """The same user of the same tenant and application has the same grant, however the ids are spelt."""
    assert grant_id("app", "TENANT", "User") == grant_id("app", "tenant", "user")
    assert (
        len({grant_id("app", "tenant", "user"), grant_id("app", "tenant", "b"), grant_id("b", "tenant", "user")}) == 3
    )


def test_grants_spread_over_the_shards() -> None:
    """A few thousand grants fill every shard, and a grant's shard never changes."""
    assert {shard_of(grant_id("app", "tenant", str(number))) for number in range(5000)} == set(range(SHARDS))
    assert shard_of("a") == shard_of("a")
