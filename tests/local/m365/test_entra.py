"""Entra ID: who gets a token, and how the others are told."""

import time
from typing import Any

import jwt
import msal
import pytest
import requests
import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from local.m365.control import Microsoft365
from local.m365.process import Running

SCOPES = ["https://graph.microsoft.com/.default"]


def client(graph: Any, credential: Any) -> msal.ConfidentialClientApplication:
    """Return MSAL's own client."""
    return msal.ConfidentialClientApplication(
        graph.application.client_id,
        client_credential=credential,
        authority=f"{graph.server.url}/{graph.tenant.id}",
        instance_discovery=False,
        verify=str(graph.server.authority),
    )


def certificate() -> tuple[str, str]:
    """Return a private key and its certificate, PEM."""
    made = trustme.CA(key_type=trustme.KeyType.RSA).issue_cert("relay", key_type=trustme.KeyType.RSA)
    return made.private_key_pem.bytes().decode(), made.cert_chain_pems[0].bytes().decode()


def test_msal_with_a_secret(graph: Any) -> None:
    """MSAL obtains a token with a secret, and its claims name the application, the tenant and the roles."""
    token = client(graph, "s3cret+&%").acquire_token_for_client(SCOPES)
    keys = jwt.PyJWKSet.from_dict(graph.session.get(f"{graph.server.url}/common/discovery/v2.0/keys").json())
    claims = jwt.decode(token["access_token"], keys.keys[0], ["RS256"], audience="https://graph.microsoft.com")
    assert (claims["appid"], claims["tid"]) == (graph.application.client_id, graph.tenant.id)
    assert claims["roles"] == ["Mail.ReadWrite", "Mail.Send"]
    assert token["expires_in"] == 3599


def test_msal_with_a_certificate(graph: Any, m365: Microsoft365) -> None:
    """MSAL obtains a token with a registered certificate, and none with another one."""
    key, public = certificate()
    m365.add_application(graph.tenant.id, client_id=graph.application.client_id, certificate=public)
    credential = {"private_key": key, "public_certificate": public}
    assert "access_token" in client(graph, credential).acquire_token_for_client(SCOPES)
    other_key, other = certificate()
    refused = client(graph, {"private_key": other_key, "public_certificate": other}).acquire_token_for_client(SCOPES)
    assert refused["error_codes"] == [700027]


def test_managed_identity_as_credential(graph: Any, m365: Microsoft365, server: Running) -> None:
    """A managed identity's token stands for a secret once the application trusts its subject."""
    identity = m365.add_managed_identity(graph.tenant.id)
    query = {"api-version": "2019-08-01", "resource": "api://AzureADTokenExchange", "client_id": identity.client_id}
    headers = {"X-IDENTITY-HEADER": identity.identity_header}
    issued = requests.get(server.identity_endpoint, query, headers=headers, verify=str(server.authority), timeout=60)
    credential = {"client_assertion": lambda: issued.json()["access_token"]}
    assert client(graph, credential).acquire_token_for_client(SCOPES)["error_codes"] == [700211]
    federated = {"subject": identity.principal_id}
    m365.add_application(graph.tenant.id, client_id=graph.application.client_id, federated=federated)
    assert "access_token" in client(graph, credential).acquire_token_for_client(SCOPES)


@pytest.mark.parametrize(
    ("form", "status", "code", "error"),
    [
        ({"client_secret": "wrong"}, 401, 7000215, "invalid_client"),
        ({"client_secret": "old"}, 401, 7000222, "invalid_client"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, 400, 700016, "unauthorized_client"),
        ({"scope": "https://graph.microsoft.com/Mail.Read"}, 400, 70011, "invalid_scope"),
        ({"scope": "https://graph.contoso.example/.default"}, 400, 500011, "invalid_resource"),
        ({"tenant": "common"}, 400, 9001023, "invalid_request"),
        ({"tenant": "nowhere.example"}, 400, 90002, "invalid_request"),
    ],
)
def test_refusals(  # noqa: PLR0917  pytest passes them by name
    graph: Any, m365: Microsoft365, form: dict[str, str], status: int, code: int, error: str
) -> None:
    """A refused token request says why in AADSTS codes, with the ids that support asks for."""
    m365.add_application(graph.tenant.id, client_id=graph.application.client_id, secret="old", secret_expires_in=-1)
    answer = graph.token(**form)
    body = answer.json()
    assert (answer.status_code, body["error_codes"], body["error"]) == (status, [code], error)
    assert body["error_description"].startswith(f"AADSTS{code}: ")
    assert body["trace_id"] != body["correlation_id"]


def test_assertion_times_and_audience(graph: Any, m365: Microsoft365) -> None:
    """An assertion for another audience, or one that has expired, is refused."""
    key, public = certificate()
    m365.add_application(graph.tenant.id, client_id=graph.application.client_id, certificate=public)
    url = f"{graph.server.url}/{graph.tenant.id}/oauth2/v2.0/token"
    identity = graph.application.client_id

    def code(**changes: Any) -> list[int]:
        digest = x509.load_pem_x509_certificate(public.encode()).fingerprint(hashes.SHA256())
        claims = {"aud": url, "iss": identity, "sub": identity, "jti": "1", "exp": time.time() + 300} | changes
        header = {"x5t#S256": jwt.utils.base64url_encode(digest).decode()}
        assertion = jwt.encode(claims, key, "PS256", headers=header)
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return list(graph.token(client_assertion=assertion, client_assertion_type=kind).json().get("error_codes", []))

    assert code() == []
    assert code(exp=time.time() - 10) == [700024]
    assert code(aud="https://elsewhere.example") == [50012]
    assert code(sub="somebody") == [50012]


def test_disabled_application_and_injected_errors(graph: Any, m365: Microsoft365) -> None:
    """A disabled application gets no token, and the token endpoint can be throttled, down or out of its mind."""
    m365.change_application(graph.application.client_id, enabled=False)
    assert graph.token().json()["error_codes"] == [7000112]
    m365.change_application(graph.application.client_id, enabled=True)
    m365.faults(token_error={"count": 1, "code": 429})
    throttled = graph.token()
    assert (throttled.status_code, throttled.headers["Retry-After"]) == (429, "1")
    m365.faults(token_error={"count": 1, "code": 503})
    assert graph.token().status_code == 503
    assert graph.token().status_code == 200


def test_graph_checks_the_bearer(graph: Any, m365: Microsoft365) -> None:
    """Graph refuses a missing, expired or foreign token, one without roles, and a mailbox of another tenant."""

    def answer(authorization: str) -> tuple[int, str]:
        refused = graph.call("GET", "/messages", Authorization=authorization)
        return refused.status_code, refused.json().get("error", {}).get("code")

    assert answer("") == (401, "InvalidAuthenticationToken")
    assert answer(f"Bearer {jwt.encode({'appid': 'x'}, 'k' * 32)}") == (401, "InvalidAuthenticationToken")
    m365.behaviour(token_lifetime=-1)
    assert answer(f"Bearer {graph.token().json()['access_token']}") == (401, "InvalidAuthenticationToken")
    m365.behaviour(token_lifetime=3599)
    m365.faults(no_roles={"count": 1})
    assert answer(f"Bearer {graph.token().json()['access_token']}") == (403, "ErrorAccessDenied")
    other = m365.add_tenant()
    m365.add_application(other.id, client_id=graph.application.client_id)
    foreign = graph.token(tenant=other.id).json()["access_token"]
    assert answer(f"Bearer {foreign}") == (404, "ErrorInvalidUser")
