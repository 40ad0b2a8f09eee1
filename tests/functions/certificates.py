"""Client certificates as an operator would upload them."""

import base64
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

_NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])


def a_key() -> rsa.RSAPrivateKey:
    """Return a private key."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def a_certificate(key: rsa.RSAPrivateKey, expires: datetime) -> x509.Certificate:
    """Return a certificate for *key* that signs itself."""
    return (
        x509.CertificateBuilder()
        .subject_name(_NAME)
        .issuer_name(_NAME)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(expires - timedelta(days=365))
        .not_valid_after(expires)
        .sign(key, hashes.SHA256())
    )


def pem(key: rsa.RSAPrivateKey, certificate: x509.Certificate, password: str | None = None) -> str:
    """Return both as PEM text, the key under *password*."""
    sealed = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    return (private + certificate.public_bytes(serialization.Encoding.PEM)).decode()


def pfx(key: rsa.RSAPrivateKey, certificate: x509.Certificate, password: str) -> str:
    """Return both as a PFX file in base64."""
    sealed = serialization.BestAvailableEncryption(password.encode())
    return base64.b64encode(pkcs12.serialize_key_and_certificates(b"relay", key, certificate, None, sealed)).decode()
