"""Where mail ends that the tests submit."""

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from local.stack import ports


class MailSink:
    """Takes every message on a free port, and keeps it."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.port = ports.free()
        # The controller wants to know its port: it knocks there to see whether it came up.
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, ready_timeout=60)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's
        """Keep a message."""
        self.taken.append(envelope)
        return "250 2.0.0 OK <rewritten@prod.outlook.com> [Hostname=sink]"

    def start(self) -> None:
        """Listen."""
        self._controller.start()

    def stop(self) -> None:
        """Listen no more."""
        self._controller.stop()
