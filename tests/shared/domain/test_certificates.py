"""Client certificates: what opens, and what is refused with a mend."""

import base64
from datetime import datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from shared.domain.certificates import read_certificate
from shared.domain.errors import InvalidRequest
from tests.fakes.clock import START

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
NAME = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Relay365")])


def certify(key: Key, *, expires: datetime = START + timedelta(days=365)) -> x509.Certificate:
    """Return a certificate that *key* signs for itself."""
    unsigned = (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(START - timedelta(days=30))
        .not_valid_after(expires)
    )
    return unsigned.sign(key, hashes.SHA256())


def pem(key: Key, certificate: x509.Certificate, password: bytes | None = None) -> str:
    """Return a private key and a certificate as one PEM text."""
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
    return (private + certificate.public_bytes(serialization.Encoding.PEM)).decode()


def pfx(key: rsa.RSAPrivateKey | None, certificate: x509.Certificate | None, password: bytes | None = None) -> str:
    """Return a PFX file in base64."""
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    others = None if certificate or key else [certify(ec.generate_private_key(ec.SECP256R1()))]
    return base64.b64encode(pkcs12.serialize_key_and_certificates(None, key, certificate, others, lock)).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    """Return a key as strong as it must be."""
    return rsa.generate_private_key(65537, 2048)


def test_pem_and_pfx_open_alike(key: rsa.RSAPrivateKey) -> None:
    """PEM text and PFX files, protected or not, give one form, with the thumbprint and the last moment."""
    certificate = certify(key)
    forms = [
        (pem(key, certificate), None),
        (pem(key, certificate, b"pass"), "pass"),
        (pfx(key, certificate), None),
        (pfx(key, certificate, b"pass"), "pass"),
    ]
    read = [read_certificate(text, password, now=START) for text, password in forms]
    assert all(one == read[0] for one in read)
    assert read[0].thumbprint == certificate.fingerprint(hashes.SHA256()).hex()
    assert read[0].expires == START + timedelta(days=365)
    assert read[0].private_key.startswith("-----BEGIN PRIVATE KEY-----")


def test_what_does_not_open_says_what_to_give(key: rsa.RSAPrivateKey) -> None:
    """Other text, half a pair and a wrong or missing password are told alike: what to give, and nothing of the text."""
    certificate = certify(key)
    alone = certificate.public_bytes(serialization.Encoding.PEM).decode()
    unusable = [
        ("no certificate", None),
        ("é", None),
        (alone, None),
        (pem(key, certificate).partition("-----BEGIN CERTIFICATE")[0], None),
        (pem(key, certificate, b"pass"), None),
        (pem(key, certificate, b"pass"), "wrong"),
        (pfx(key, certificate, b"pass"), "wrong"),
        (pfx(key, None), None),
    ]
    for text, password in unusable:
        assert refusal(text, password) == (
            '"certificate" could not be opened: give PEM text with a private key and its certificate, or a PFX file in '
            'base64, and "certificatePassword" when it is protected'
        )


def test_weak_keys_are_refused(key: rsa.RSAPrivateKey) -> None:
    """Entra ID takes RSA; a shorter key or another kind is refused before it costs a sign-in."""
    short = rsa.generate_private_key(65537, 1024)  # noqa: S505  weak, so that it is refused
    curve = ec.generate_private_key(ec.SECP256R1())
    for other in (short, curve):
        assert refusal(pem(other, certify(other))) == '"certificate" must hold an RSA private key of at least 2048 bits'


def test_a_certificate_belongs_to_its_key(key: rsa.RSAPrivateKey) -> None:
    """A certificate for another key is refused."""
    other = certify(rsa.generate_private_key(65537, 2048))
    assert refusal(pem(key, other)) == '"certificate" holds a certificate that does not belong to its private key'


def test_an_expired_certificate_is_refused(key: rsa.RSAPrivateKey) -> None:
    """A certificate whose last moment has come is refused, with the day."""
    assert refusal(pem(key, certify(key, expires=START))) == ('"certificate" expired on 2026-03-02: upload a newer one')


def refusal(text: str, password: str | None = None) -> str:
    """Return the sentence that refuses a certificate."""
    with pytest.raises(InvalidRequest) as refused:
        read_certificate(text, password, now=START)
    (problem,) = refused.value.problems
    assert problem.key == "certificate"
    return problem.message
