"""Leaks: what no log may tell, found in the text of one."""

import re
from collections.abc import Iterator
from dataclasses import astuple
from email import message_from_bytes, policy
from email.utils import getaddresses

from local.m365 import samples
from local.stack.keys import Keys

# Mail of the journey, and of nobody else.
_SAMPLES = (samples.plain, samples.with_file, samples.non_ascii, samples.newsletter, samples.invitation)
# Credentials that the processes are given on their way, by what they look like.
_PATTERNS = {
    "a JWT": re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}"),
    "an authorization code or a refresh token": re.compile(r"\b1\.[AR][\w-]{40,}"),
    "a client state": re.compile(r"\b1\.k1\.[\w-]{10,}"),
    "a bearer": re.compile(r"\b(Bearer|Basic|SharedKey(Lite)?) [\w.+/=:-]{8,}"),
    "an account key": re.compile(r"AccountKey=|\bEby8vdM02x"),
    "a signature": re.compile(r"\bv1,[\w+/]{40,}=?|\bsha256="),
    "a value of a link": re.compile(r"[?&](data|sig|code|state|session_state|access_token|client_secret)=[^&\s\"]"),
}
# Shorter words stand in any text.
_LONG = 6


def leaks(log: str, keys: Keys) -> list[str]:
    """Returns what *log* tells of mail and of secrets; at most one find of each kind and word."""
    found = [f"{kind}: {match.group()[:40]}" for kind, pattern in _PATTERNS.items() if (match := pattern.search(log))]
    found += [f"a key of the stack: {key[:8]}..." for key in _keys(keys) if key in log]
    lower = log.lower()
    return found + [f"mail: {word}" for word in sorted(_words()) if word in lower]


def _keys(keys: Keys) -> Iterator[str]:
    for key in astuple(keys):
        yield key
        # As it stands in settings, behind `k1:` or `whsec_`, and bare.
        yield re.sub(r"^(k1:|whsec_)", "", key)


def _words() -> set[str]:
    """Returns the subjects, the addresses of correspondents, and every longer word of the bodies."""
    words: set[str] = set()
    for sample in _SAMPLES:
        mail = message_from_bytes(sample(), policy=policy.default)
        words.add(str(mail["Subject"]).lower())
        words |= {address.lower() for _, address in getaddresses([str(mail["From"])])}
        words |= {name.lower() for name, _ in getaddresses([str(mail["From"])])}
        text = f"{mail['Subject']} " + "".join(
            part.get_content() for part in mail.walk() if part.get_content_type() == "text/plain"
        )
        words |= {word for word in re.findall(r"\w+", text.lower()) if len(word) >= _LONG}
        words |= {str(part.get_filename()).lower() for part in mail.walk() if part.get_filename()}
    # The domain of everybody here, our own mailboxes too.
    return words - {"example"}
