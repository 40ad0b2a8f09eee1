"""Finding Dovecot: there, too new, or not there."""

from pathlib import Path

import pytest

from local.dovecot import install


def test_dovecot_that_is_missing_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no Dovecot, the refusal carries the command that installs it."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(install, "_SBIN", ())
    with pytest.raises(install.DovecotUnavailable, match=r"apt-get install .*dovecot-imapd"):
        install.find()


def test_other_version_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dovecot 2.4, which reads another configuration, is refused by its version."""
    for name in ("dovecot", "doveadm", "doveconf"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho '2.4.1 (abc)'\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(install.DovecotUnavailable, match=r"2\.4\.1"):
        install.find()
