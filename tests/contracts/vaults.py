"""What every vault promises."""

import pytest

from shared.domain.errors import InvalidRequest, NotFound
from shared.ports.vault import Vault

SECRET = "s3cret: Ünïcode, 'quotes' and\nlines"


class VaultContract:
    """A subclass gives the fixture `vault`."""

    def test_a_secret_comes_back(self, vault: Vault) -> None:
        """A secret is read back as it was, through the reference to it."""
        reference = vault.put("oauth2-app-1", SECRET)
        assert vault.get(reference) == SECRET
        assert SECRET not in reference

    def test_another_value_has_another_reference(self, vault: Vault) -> None:
        """A second value under one name leaves the first readable."""
        first, second = vault.put("app", "one"), vault.put("app", "two")
        assert first != second
        assert [vault.get(first), vault.get(second)] == ["one", "two"]

    def test_removing_the_former_keeps_the_present(self, vault: Vault) -> None:
        """A value goes alone, however many share its name; a second removal does nothing."""
        first, second = vault.put("app", "one"), vault.put("app", "two")
        vault.delete(first)
        vault.delete(first)
        with pytest.raises(NotFound):
            vault.get(first)
        assert vault.get(second) == "two"
        third = vault.put("app", "three")
        assert vault.get(third) == "three"

    @pytest.mark.parametrize(
        "reference", ["", "app", "app/", "../app/1", "app/0123456789abcdef0123456789abcdef", "a/b/c"]
    )
    def test_an_unknown_reference_is_not_found(self, vault: Vault, reference: str) -> None:
        """What was never stored is not found, and removing it does nothing."""
        vault.put("app", "one")
        vault.delete(reference)
        with pytest.raises(NotFound):
            vault.get(reference)

    def test_a_large_secret_is_refused_without_telling_it(self, vault: Vault) -> None:
        """A certificate's worth is kept; beyond 25,000 bytes the caller is told, without the secret."""
        assert vault.get(vault.put("app", "x" * 25_000)) == "x" * 25_000
        with pytest.raises(InvalidRequest) as refused:
            vault.put("app", "secret" * 5_000)
        assert "secretsecret" not in str(refused.value)
