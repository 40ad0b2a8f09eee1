"""Access tokens: signed, published and checked with one key."""

import time
import uuid
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from local.m365.calls import Caller
from local.m365.errors import GraphError

#: Every cloud's name for Graph, and its application id, which some libraries ask for instead.
GRAPH = frozenset(
    {
        "https://graph.microsoft.com",
        "https://graph.microsoft.us",
        "https://dod-graph.microsoft.us",
        "https://microsoftgraph.chinacloudapi.cn",
        "00000003-0000-0000-c000-000000000000",
    }
)


class TokenIssuer:
    """Signs tokens with RS256 and reads them back."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.key_id = uuid.uuid4().hex
        self.audiences = set(GRAPH)
        # Checking a signature costs more than the rest of a request, so a token that was checked is remembered.
        self._checked: dict[str, tuple[float, Caller]] = {}

    @property
    def public_key(self) -> rsa.RSAPublicKey:
        """What a reader of these tokens needs."""
        return self._key.public_key()

    def published(self) -> dict[str, Any]:
        """The key set of the discovery endpoint."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self.public_key, as_dict=True)
        return {"keys": [{**key, "kid": self.key_id, "use": "sig", "x5t": self.key_id}]}

    def sign(self, claims: dict[str, Any], lifetime: int) -> str:
        """Signs claims that are valid from now on."""
        now = int(time.time())
        # Entra antedates its tokens by five minutes, for readers whose clock is behind.
        times = {"iat": now - 300, "nbf": now - 300, "exp": now + lifetime, "uti": uuid.uuid4().hex[:22]}
        return jwt.encode({**claims, **times}, self._key, algorithm="RS256", headers={"kid": self.key_id})

    def caller(self, authorization: str) -> Caller:
        """Says who a bearer token speaks for, or refuses it as Graph does."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
        known = self._checked.get(token)
        if known is not None and known[0] > time.time():
            return known[1]
        try:
            claims = jwt.decode(token, self.public_key, ["RS256"], audience=self.audiences)
        except jwt.ExpiredSignatureError as exc:
            message = "Lifetime validation failed, the token is expired."
            raise GraphError(401, "InvalidAuthenticationToken", message) from exc
        except jwt.InvalidAudienceError as exc:
            raise GraphError(
                401, "InvalidAuthenticationToken", "Access token validation failure. Invalid audience."
            ) from exc
        except jwt.InvalidTokenError as exc:
            raise GraphError(401, "InvalidAuthenticationToken", "IDX14100: JWT is not well formed.") from exc
        caller = Caller(claims["tid"], claims["appid"], claims["oid"], frozenset(claims.get("roles", ())))
        self._checked[token] = (claims["exp"], caller)
        return caller

    def forget(self) -> None:
        """Checks every token anew."""
        self._checked.clear()
