"""Secrets in an encrypted file, for a machine without a Key Vault."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from shared.adapters import vault_file
from shared.adapters.vault_file import FileVault
from shared.domain.errors import RelayError
from tests.contracts.vaults import SECRET, VaultContract


class TestInAFile(VaultContract):
    """Secrets in a file."""

    @pytest.fixture
    def vault(self, tmp_path: Path) -> FileVault:
        """Return the adapter, whose folder is not there yet."""
        return FileVault(tmp_path / "state" / "secrets.vault")


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """The file and its key are the owner's, the file tells nothing, and no half-written one is left."""
    path = tmp_path / "secrets.vault"
    FileVault(path).put("app", "s3cret-never-told")
    assert {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {
        "secrets.vault": 0o600,
        "secrets.vault.key": 0o600,
        "secrets.vault.lock": 0o600,
    }
    assert b"s3cret" not in path.read_bytes()


def test_a_key_can_be_given(tmp_path: Path) -> None:
    """With a key from the settings no key file is made, and another process with that key reads the secrets."""
    path, key = tmp_path / "secrets.vault", Fernet.generate_key().decode()
    reference = FileVault(path, key).put("app", SECRET)
    assert FileVault(path, key).get(reference) == SECRET
    assert not (tmp_path / "secrets.vault.key").exists()


def test_a_wrong_key_is_told(tmp_path: Path) -> None:
    """Another key, a text that is none, and a missing key file each have their sentence, and nothing is overwritten."""
    path = tmp_path / "secrets.vault"
    reference = FileVault(path).put("app", SECRET)
    before = path.read_bytes()
    with pytest.raises(RelayError, match="written with another key"):
        FileVault(path, Fernet.generate_key().decode()).put("app", "another")
    with pytest.raises(RelayError, match="must be 32 bytes"):
        FileVault(path, "short").get(reference)
    (tmp_path / "secrets.vault.key").rename(tmp_path / "kept")
    with pytest.raises(RelayError, match="put the key back"):
        FileVault(path).put("app", "another")
    with pytest.raises(RelayError, match="put the key back"):
        FileVault(path).check()
    assert path.read_bytes() == before


def test_processes_do_not_lose_each_others_secrets(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What two processes and four threads write at the same time is all there, from an empty folder on."""
    # Nobody stands in line for the lock, so on a slow disk the unlucky wait for nearly all the others.
    monkeypatch.setattr(vault_file, "_LOCK_SECONDS", 200)
    program = (
        "import sys; from pathlib import Path; from shared.adapters import vault_file;"
        "vault_file._LOCK_SECONDS = 200; vault = vault_file.FileVault(Path(sys.argv[1]));"
        "print('\\n'.join(vault.put('app', f'{sys.argv[2]}-{number}') for number in range(15)))"
    )
    path = tmp_path / "secrets.vault"
    command = [sys.executable, "-c", program, str(path)]
    children = [
        subprocess.Popen([*command, name], cwd=root, stdout=subprocess.PIPE, text=True)  # noqa: S603  it stands here
        for name in ("one", "two")
    ]
    with ThreadPoolExecutor(4) as pool:
        references = list(pool.map(lambda number: FileVault(path).put("app", f"three-{number}"), range(15)))
    for child in children:
        said, _ = child.communicate(timeout=240)
        assert child.returncode == 0
        references += said.split()
    kept = [FileVault(path).get(reference) for reference in references]
    assert sorted(kept) == sorted(f"{name}-{number}" for name in ("one", "two", "three") for number in range(15))


def test_a_crash_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that fails halfway changes nothing and leaves nothing behind."""
    path = tmp_path / "secrets.vault"
    reference = FileVault(path).put("app", SECRET)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        FileVault(path).put("app", "another")
    assert FileVault(path).get(reference) == SECRET
    assert not list(tmp_path.glob("*.new"))
