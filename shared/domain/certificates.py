"""Client certificates: reads PEM or PFX, and keeps what signing needs in one form."""

import base64
import binascii
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from shared.domain.errors import FieldProblem, InvalidRequest
from shared.domain.models import Carried

_MINIMUM_KEY_BITS = 2048


class ClientCertificate(Carried):
    """A private key and its certificate, both PEM; `thumbprint` is the SHA-256 of the DER, in hex."""

    private_key: str
    certificate: str
    thumbprint: str
    expires: datetime


def read_certificate(text: str, password: str | None, *, now: datetime) -> ClientCertificate:
    """
    Reads a private key with its certificate from PEM text, or from a PFX file in base64.

    Raises InvalidRequest naming `certificate` when it cannot be opened, holds no RSA key of 2,048 bits or more, holds
    no certificate for that key, or has expired.
    """
    secret = password.encode() if password else None
    try:
        key, certificate = _open_pem(text, secret) if "-----BEGIN" in text else _open_pfx(text, secret)
    except (ValueError, TypeError, binascii.Error) as problem:
        raise _refused(
            "could not be opened: give PEM text with a private key and its certificate, or a PFX file in base64, "
            'and "certificatePassword" when it is protected'
        ) from problem
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size < _MINIMUM_KEY_BITS:
        raise _refused("must hold an RSA private key of at least 2048 bits")
    if certificate.public_key() != key.public_key():
        raise _refused("holds a certificate that does not belong to its private key")
    if certificate.not_valid_after_utc <= now:
        raise _refused(f"expired on {certificate.not_valid_after_utc:%Y-%m-%d}: upload a newer one")
    return ClientCertificate(
        private_key=key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        certificate=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        thumbprint=certificate.fingerprint(hashes.SHA256()).hex(),
        expires=certificate.not_valid_after_utc,
    )


def _open_pem(text: str, password: bytes | None) -> tuple[object, x509.Certificate]:
    data = text.encode()
    return serialization.load_pem_private_key(data, password), x509.load_pem_x509_certificate(data)


def _open_pfx(text: str, password: bytes | None) -> tuple[object, x509.Certificate]:
    key, certificate, _ = pkcs12.load_key_and_certificates(base64.b64decode(text, validate=True), password)
    if certificate is None:
        raise ValueError("no certificate inside")
    return key, certificate


def _refused(message: str) -> InvalidRequest:
    return InvalidRequest(FieldProblem("certificate", f'"certificate" {message}'))
