"""Where mail servers are: each cloud's own, or one in their place."""

import ssl
from dataclasses import dataclass

from shared.domain.clouds import ENDPOINTS, Cloud
from sidecar.smtp import SmtpServer


@dataclass(frozen=True, slots=True)
class MailServers:
    """The servers of each cloud; `imap` and `smtp`, host and port, take the place of all of them, for a test."""

    context: ssl.SSLContext
    imap: tuple[str, int] | None = None
    smtp: tuple[str, int] | None = None

    def imap_of(self, cloud: Cloud) -> tuple[str, int]:
        """Returns where the IMAP server of a cloud is."""
        return self.imap or (ENDPOINTS[cloud].imap_host, ENDPOINTS[cloud].imap_port)

    def smtp_of(self, cloud: Cloud) -> SmtpServer:
        """Returns where mail is submitted in a cloud."""
        host, port = self.smtp or (ENDPOINTS[cloud].smtp_host, ENDPOINTS[cloud].smtp_port)
        return SmtpServer(host, port, self.context)
