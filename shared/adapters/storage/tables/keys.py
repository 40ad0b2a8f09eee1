"""Keys of rows: what a name becomes so that it can stand in one."""

import hashlib
import re
from base64 import urlsafe_b64encode

_PLAIN = re.compile(r"[0-9A-Za-z_-]{1,128}")


def safe(name: str) -> str:
    r"""
    Returns *name* as (part of) a key: itself where it is plain, else a hash.

    A key holds no `/`, `\`, `#`, `?` or control character and is at most 1 KiB long; whatever a caller sends, it only
    ever misses. The two kinds never meet: `~` is not plain.
    """
    # https://learn.microsoft.com/rest/api/storageservices/understanding-the-table-service-data-model
    return name if _PLAIN.fullmatch(name) else f"~{hashed(name)}"


def hashed(*parts: str) -> str:
    """Returns a key made of *parts* that reveals none of them; none may hold a line break but the last."""
    digest = hashlib.sha256("\n".join(parts).encode(errors="surrogatepass")).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
