"""Microsoft's national clouds and the hosts that each is reached at."""

from enum import StrEnum
from typing import NamedTuple


class Cloud(StrEnum):
    """A Microsoft cloud, named as EmailEngine names it; GCC (moderate) is part of `global`."""

    GLOBAL = "global"
    GCC_HIGH = "gcc-high"
    DOD = "dod"
    CHINA = "china"


class Endpoints(NamedTuple):
    """
    Where a cloud signs in, where its Graph is, the audience of its federated credentials, and its mail servers.

    `outlook_url` stands before the scopes of IMAP and SMTP. IMAP speaks TLS from the start, SMTP after STARTTLS.
    """

    login_url: str
    graph_url: str
    federation_audience: str
    outlook_url: str
    imap_host: str
    smtp_host: str
    imap_port: int = 993
    smtp_port: int = 587


# https://learn.microsoft.com/graph/deployments
# https://learn.microsoft.com/microsoft-365/enterprise/microsoft-365-endpoints
ENDPOINTS = {
    Cloud.GLOBAL: Endpoints(
        "https://login.microsoftonline.com",
        "https://graph.microsoft.com",
        "api://AzureADTokenExchange",
        "https://outlook.office.com",
        "outlook.office365.com",
        "smtp.office365.com",
    ),
    Cloud.GCC_HIGH: Endpoints(
        "https://login.microsoftonline.us",
        "https://graph.microsoft.us",
        "api://AzureADTokenExchangeUSGov",
        "https://outlook.office365.us",
        "outlook.office365.us",
        "smtp.office365.us",
    ),
    Cloud.DOD: Endpoints(
        "https://login.microsoftonline.us",
        "https://dod-graph.microsoft.us",
        "api://AzureADTokenExchangeUSGov",
        "https://outlook.office365.us",
        "outlook-dod.office365.us",
        "outlook-dod.office365.us",
    ),
    Cloud.CHINA: Endpoints(
        "https://login.chinacloudapi.cn",
        "https://microsoftgraph.chinacloudapi.cn",
        "api://AzureADTokenExchangeChina",
        "https://partner.outlook.cn",
        "partner.outlook.cn",
        "partner.outlook.cn",
    ),
}
