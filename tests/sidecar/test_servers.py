"""Where mail servers are."""

import ssl

from shared.domain.clouds import Cloud
from sidecar.servers import MailServers


def test_each_cloud_has_its_own() -> None:
    """A cloud's servers are Microsoft's for it, unless a deployment names others for all."""
    context = ssl.create_default_context()
    own = MailServers(context)
    assert own.imap_of(Cloud.GLOBAL) == ("outlook.office365.com", 993)
    china = own.smtp_of(Cloud.CHINA)
    assert (china.host, china.port, china.context) == ("partner.outlook.cn", 587, context)
    named = MailServers(context, imap=("localhost", 9993), smtp=("localhost", 9587))
    assert named.imap_of(Cloud.DOD) == ("localhost", 9993)
    assert (named.smtp_of(Cloud.DOD).host, named.smtp_of(Cloud.DOD).port) == ("localhost", 9587)
