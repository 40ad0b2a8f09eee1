"""What an application proves itself with."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from shared.domain.certificates import ClientCertificate, read_certificate
from shared.domain.errors import SignInRefused
from shared.domain.oauth2 import CredentialKind

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def certificate() -> ClientCertificate:
    """Return a certificate of our own."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem = private + made.public_bytes(serialization.Encoding.PEM)
    return read_certificate(pem.decode(), None, now=NOW)


def test_a_certificate_signs_in(real: Any, certificate: ClientCertificate) -> None:
    """Entra ID accepts the assertion that is signed with the stored certificate, PS256 and SHA-256."""
    entra, app = real(
        registered={"certificate": certificate.certificate},
        credential=CredentialKind.CERTIFICATE,
        certificate=certificate.model_dump_json(),
    )
    assert "Mail.ReadWrite" in entra.inspect(app).roles


def test_a_managed_identity_signs_in_without_a_secret(trusted: Any, real: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform's identity vouches for the application; one that is not assigned here is refused, by name."""
    tenant = trusted.m365.add_tenant()
    identity = trusted.m365.add_managed_identity(tenant.id)
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{trusted.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", identity.identity_header)
    known = trusted.m365.add_application(tenant.id, federated={"subject": identity.principal_id})
    entra, app = real(credential=CredentialKind.MANAGED_IDENTITY, secret=None)
    there = {"client_id": known.client_id, "tenant": tenant.id, "managed_identity": identity.client_id}
    assert "Mail.ReadWrite" in entra.inspect(app.model_copy(update=there)).roles
    stranger = there | {"managed_identity": "1f6a0000-0000-4000-8000-0000000000ff"}
    with pytest.raises(SignInRefused) as caught:
        entra.inspect(app.model_copy(update=stranger))
    assert caught.value.reason == "ManagedIdentityUnavailable"
    assert "1f6a0000-0000-4000-8000-0000000000ff" in caught.value.mend


def test_a_secret_that_the_vault_lost_is_named(office: Any, app: Any) -> None:
    """Without its secret an application is refused before Entra ID is asked, and is to be set again."""
    office.secrets.delete("r1")
    with pytest.raises(SignInRefused) as caught:
        office.entra.token(app)
    assert caught.value.reason == "CredentialMissing"
    assert office.authority.forms == []
