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
    """Where a cloud signs in, where its Graph is, and the audience of its federated credentials."""

    login_url: str
    graph_url: str
    federation_audience: str


# https://learn.microsoft.com/graph/deployments
ENDPOINTS = {
    Cloud.GLOBAL: Endpoints(
        "https://login.microsoftonline.com", "https://graph.microsoft.com", "api://AzureADTokenExchange"
    ),
    Cloud.GCC_HIGH: Endpoints(
        "https://login.microsoftonline.us", "https://graph.microsoft.us", "api://AzureADTokenExchangeUSGov"
    ),
    Cloud.DOD: Endpoints(
        "https://login.microsoftonline.us", "https://dod-graph.microsoft.us", "api://AzureADTokenExchangeUSGov"
    ),
    Cloud.CHINA: Endpoints(
        "https://login.chinacloudapi.cn", "https://microsoftgraph.chinacloudapi.cn", "api://AzureADTokenExchangeChina"
    ),
}
