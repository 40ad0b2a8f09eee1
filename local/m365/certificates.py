"""A certificate authority for one machine, and its certificate for localhost."""

from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """The files, all PEM."""

    authority: Path
    certificate: Path
    key: Path


def make(folder: Path) -> Certificates:
    """Makes the files where they are missing, and leaves them where they are not."""
    made = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    if all(path.exists() for path in (made.authority, made.certificate, made.key)):
        return made
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="Relay365 local stack")
    server = authority.issue_cert("localhost", "127.0.0.1", "::1")
    made.key.touch(mode=0o600)
    server.private_key_pem.write_to_path(str(made.key))
    made.certificate.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    authority.cert_pem.write_to_path(str(made.authority))
    return made
