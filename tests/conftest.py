"""What every test may ask for."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from tests.fakes.mail_server import MailServer

# The suites that fakes and adapters share live in modules that pytest does not collect by itself.
pytest.register_assert_rewrite("tests.contracts")

ROOT = Path(__file__).resolve().parent.parent

# Everybody sees the same examples, however busy the machine is; `--hypothesis-profile=explore` looks for new ones.
_SLOW = [HealthCheck.too_slow]
settings.register_profile("house", deadline=None, derandomize=True, suppress_health_check=_SLOW)
settings.register_profile("explore", deadline=None, max_examples=2000, suppress_health_check=_SLOW)
settings.load_profile("house")


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """Return the connection string of this worker's own Azurite, kept in memory."""
    from local.azurite import running  # noqa: PLC0415  most tests need no storage

    with running() as emulator:
        yield emulator.connection_string


@pytest.fixture(scope="session")
def mail_server() -> Iterator["MailServer"]:
    """Return this worker's own Dovecot; skips where none is installed, unless REQUIRE_DOVECOT=1 forbids that."""
    from local.dovecot.install import DovecotUnavailable, find  # noqa: PLC0415  most tests need no mail server
    from local.dovecot.server import Relay, running  # noqa: PLC0415  most tests need no mail server
    from tests.fakes.mail_server import ISSUER, MailServer  # noqa: PLC0415  most tests need no mail server
    from tests.fakes.mail_sink import MailSink  # noqa: PLC0415  most tests need no mail server

    try:
        find()
    except DovecotUnavailable as unavailable:
        if os.environ.get("REQUIRE_DOVECOT") == "1":
            pytest.fail(f"REQUIRE_DOVECOT=1, and: {unavailable}")
        pytest.skip(str(unavailable))
    sink = MailSink()
    sink.start()
    try:
        relay = Relay("127.0.0.1", sink.port)
        # As root, Dovecot serves mail as another user, who must reach the folder.
        with (
            tempfile.TemporaryDirectory(prefix="dovecot-") as folder,
            running(Path(folder), relay=relay, issuers=(ISSUER,)) as server,
        ):
            yield MailServer(server, sink)
    finally:
        sink.stop()


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Return a maker of names that no other test uses, fit for a table, a queue or a container."""
    return lambda prefix: f"{prefix}{uuid4().hex[:20]}"


@pytest.fixture(scope="session")
def app_functions() -> list[Any]:
    """Return the functions that the worker would index; an app answers this once only."""
    import function_app  # noqa: PLC0415  most tests need no app

    return list(function_app.app.get_functions())
