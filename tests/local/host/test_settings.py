"""Which setting wins."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from local.host import settings
from local.host.errors import StartRefused


def test_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value of local.settings.json fills a gap in the environment, and replaces nothing."""
    monkeypatch.setenv("HOST_TEST_A", "environment")
    monkeypatch.setenv("HOST_TEST_B", "to be removed")
    monkeypatch.delenv("HOST_TEST_B")
    values = {"HOST_TEST_A": "file", "HOST_TEST_B": "file"}
    (tmp_path / "local.settings.json").write_text(json.dumps({"IsEncrypted": False, "Values": values}))
    settings.load_local_settings(tmp_path)
    assert (os.environ["HOST_TEST_A"], os.environ.pop("HOST_TEST_B")) == ("environment", "file")


def test_overrides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """AzureFunctionsJobHost__a__b replaces a value of host.json, whatever the case of its letters."""
    (tmp_path / "host.json").write_text('{"version": "2.0", "extensions": {"queues": {"batchSize": 4}}}')
    monkeypatch.setenv("AzureFunctionsJobHost__extensions__Queues__BatchSize", "32")
    monkeypatch.setenv("AzureFunctionsJobHost__extensions__queues__visibilityTimeout", "00:00:30")
    loaded = settings.load_host_settings(tmp_path)
    assert (loaded.queues.batch_size, loaded.queues.new_batch_threshold) == (32, 16)
    assert loaded.queues.visibility_timeout == timedelta(seconds=30)
    assert loaded.route_prefix == "api"


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"version": "2.0", "functionTimeout": "soon"}'])
def test_bad_host_json(tmp_path: Path, text: str) -> None:
    """A host.json that cannot be used is refused in a sentence that names it."""
    (tmp_path / "host.json").write_text(text)
    with pytest.raises(StartRefused, match=r"host\.json"):
        settings.load_host_settings(tmp_path)
