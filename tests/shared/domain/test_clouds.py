"""Clouds: every national cloud is reached at its own hosts."""

import pytest

from shared.domain.clouds import ENDPOINTS, Cloud


@pytest.mark.parametrize(
    ("cloud", "login", "graph"),
    [
        ("global", "login.microsoftonline.com", "graph.microsoft.com"),
        ("gcc-high", "login.microsoftonline.us", "graph.microsoft.us"),
        ("dod", "login.microsoftonline.us", "dod-graph.microsoft.us"),
        ("china", "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"),
    ],
)
def test_hosts_of_each_cloud(cloud: str, login: str, graph: str) -> None:
    """EmailEngine's name of a cloud leads to that cloud's Entra ID and Graph."""
    endpoints = ENDPOINTS[Cloud(cloud)]
    assert (endpoints.login_url, endpoints.graph_url) == (f"https://{login}", f"https://{graph}")


def test_every_cloud_has_endpoints() -> None:
    """No cloud can be chosen that leads nowhere."""
    assert set(ENDPOINTS) == set(Cloud)
