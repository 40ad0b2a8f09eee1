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


@pytest.mark.parametrize(
    ("cloud", "outlook", "imap", "smtp"),
    [
        ("global", "outlook.office.com", "outlook.office365.com", "smtp.office365.com"),
        ("gcc-high", "outlook.office365.us", "outlook.office365.us", "smtp.office365.us"),
        ("dod", "outlook.office365.us", "outlook-dod.office365.us", "outlook-dod.office365.us"),
        ("china", "partner.outlook.cn", "partner.outlook.cn", "partner.outlook.cn"),
    ],
)
def test_mail_servers_of_each_cloud(cloud: str, outlook: str, imap: str, smtp: str) -> None:
    """EmailEngine's name of a cloud leads to that cloud's mail servers, and to what their scopes begin with."""
    endpoints = ENDPOINTS[Cloud(cloud)]
    assert endpoints.outlook_url == f"https://{outlook}"
    assert (endpoints.imap_host, endpoints.imap_port, endpoints.smtp_host, endpoints.smtp_port) == (
        imap,
        993,
        smtp,
        587,
    )


def test_every_cloud_has_endpoints() -> None:
    """No cloud can be chosen that leads nowhere."""
    assert set(ENDPOINTS) == set(Cloud)
