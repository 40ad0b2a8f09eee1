"""Azurite as a part of a stack."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from local import azurite
from local.stack.errors import StackRefused
from local.stack.storage import storage


def test_azurite_is_not_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where Azurite is not installed, the command that installs it is named."""
    monkeypatch.setattr(azurite, "_SCRIPT", tmp_path / "azurite.js")
    with pytest.raises(StackRefused, match="run `make setup`"), storage(azurite.free_ports(), log=tmp_path / "log"):
        pass


def test_port_is_taken(tmp_path: Path) -> None:
    """A taken port is named with what would mend it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        where = replace(azurite.free_ports(), table=port)
        sentence = f"Port {port}, which Azurite needs, is taken: .* name another storage account in AzureWebJobsStorage"
        with pytest.raises(StackRefused, match=sentence), storage(where, log=tmp_path / "log"):
            pass
