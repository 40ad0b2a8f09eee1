"""What the wiring is tried with: settings that are right, changed by what a test is about."""

from collections.abc import Callable
from pathlib import Path

import pytest

from shared.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Return what makes settings; a setting that is None is missing."""

    def make(**changes: object) -> Settings:
        given = {
            "AzureWebJobsStorage": "UseDevelopmentStorage=true",
            "vault_file": str(tmp_path / "vault.bin"),
            "client_state_keys": "k1:" + "a" * 43 + "=",
            "api_token": "f" * 64,
            "service_url": "https://relay.example.com",
        } | changes
        return Settings.model_validate({name: value for name, value in given.items() if value is not None})

    return make
