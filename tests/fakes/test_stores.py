"""The stores in memory keep the promises of the real ones."""

import pytest

from shared.ports.deliveries import DeliveryStore, WebhookStore
from shared.ports.state import (
    AccountStore,
    CursorStore,
    FolderStore,
    InstanceSettingsStore,
    MailboxStore,
    OAuth2AppStore,
    PermitStore,
    QuotaStore,
    RateLimitStore,
    SightingStore,
    TokenStore,
)
from tests.contracts.accounts import AccountStoreContract, FolderStoreContract, MailboxStoreContract
from tests.contracts.deliveries import DeliveryStoreContract
from tests.contracts.records import (
    InstanceSettingsStoreContract,
    OAuth2AppStoreContract,
    PermitStoreContract,
    QuotaStoreContract,
    RateLimitStoreContract,
    SightingStoreContract,
    TokenStoreContract,
    WebhookStoreContract,
)
from tests.fakes.clock import FakeClock
from tests.fakes.due import FakeCursorStore
from tests.fakes.stores import (
    FakeAccountStore,
    FakeDeliveryStore,
    FakeFolderStore,
    FakeInstanceSettingsStore,
    FakeMailboxStore,
    FakeOAuth2AppStore,
    FakePermitStore,
    FakeQuotaStore,
    FakeRateLimitStore,
    FakeSightingStore,
    FakeTokenStore,
    FakeWebhookStore,
)


class TestAccounts(AccountStoreContract):
    """Accounts in memory."""

    @pytest.fixture
    def folders(self) -> FolderStore:
        """Return the store beside it."""
        return FakeFolderStore()

    @pytest.fixture
    def cursors(self) -> CursorStore:
        """Return the other store beside it."""
        return FakeCursorStore()

    @pytest.fixture
    def store(self, folders: FakeFolderStore, cursors: FakeCursorStore) -> AccountStore:
        """Return the store."""
        return FakeAccountStore(folders, cursors)


class TestFolders(FolderStoreContract):
    """Folder trees in memory."""

    @pytest.fixture
    def store(self) -> FolderStore:
        """Return the store."""
        return FakeFolderStore()


class TestMailboxes(MailboxStoreContract):
    """Mailboxes in memory."""

    @pytest.fixture
    def store(self) -> MailboxStore:
        """Return the store."""
        return FakeMailboxStore()


class TestOAuth2Apps(OAuth2AppStoreContract):
    """Applications in memory."""

    @pytest.fixture
    def store(self) -> OAuth2AppStore:
        """Return the store."""
        return FakeOAuth2AppStore()


class TestWebhooks(WebhookStoreContract):
    """Webhooks in memory."""

    @pytest.fixture
    def store(self) -> WebhookStore:
        """Return the store."""
        return FakeWebhookStore()


class TestTokens(TokenStoreContract):
    """Access tokens in memory."""

    @pytest.fixture
    def store(self) -> TokenStore:
        """Return the store."""
        return FakeTokenStore()


class TestInstanceSettings(InstanceSettingsStoreContract):
    """The instance's settings in memory."""

    @pytest.fixture
    def store(self) -> InstanceSettingsStore:
        """Return the store."""
        return FakeInstanceSettingsStore()


class TestSightings(SightingStoreContract):
    """Sightings in memory."""

    @pytest.fixture
    def store(self) -> SightingStore:
        """Return the store."""
        return FakeSightingStore()


class TestDeliveries(DeliveryStoreContract):
    """Deliveries in memory."""

    @pytest.fixture
    def clock(self) -> FakeClock:
        """Return the clock that the store asks."""
        return FakeClock()

    @pytest.fixture
    def store(self, clock: FakeClock) -> DeliveryStore:
        """Return the store."""
        return FakeDeliveryStore(clock)


class TestQuotas(QuotaStoreContract):
    """The use of quotas in memory."""

    @pytest.fixture
    def store(self) -> QuotaStore:
        """Return the store."""
        return FakeQuotaStore()


class TestRateLimits(RateLimitStoreContract):
    """Counts of requests in memory."""

    @pytest.fixture
    def store(self) -> RateLimitStore:
        """Return the store."""
        return FakeRateLimitStore()


class TestPermits(PermitStoreContract):
    """Permits in memory."""

    @pytest.fixture
    def store(self) -> PermitStore:
        """Return the store."""
        return FakePermitStore()
