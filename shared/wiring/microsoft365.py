"""Microsoft 365: Entra ID, and Graph on its tokens."""

from dataclasses import dataclass
from datetime import timedelta

from shared.adapters.entra.entra import Entra
from shared.adapters.entra.users import EntraUsers
from shared.adapters.graph.client import GraphClient
from shared.adapters.graph.history import GraphHistory
from shared.adapters.graph.mailboxes import GraphMailboxes
from shared.adapters.graph.reader import GraphMessages
from shared.adapters.graph.slots import Slots
from shared.adapters.graph.subscriptions import GraphSubscriptions
from shared.ports.machine import Machine
from shared.ports.microsoft365 import History, Mailboxes, MessageReader, Subscriptions, TokenInspector
from shared.ports.sign_ins import GrantTokens, SignIns
from shared.ports.state import QuotaStore
from shared.ports.vault import Vault
from shared.services.quotas import Quotas
from shared.settings import Settings
from shared.wiring.replacements import Replacements

# What is read together is held up together, so a throttled mailbox is put off rather than waited for.
_READ_BUDGET = timedelta(seconds=5)


@dataclass(frozen=True)
class Microsoft365:
    """One object behind each port of Microsoft's."""

    inspector: TokenInspector
    code_flow: SignIns
    grant_tokens: GrantTokens
    reader: MessageReader
    mailboxes: Mailboxes
    history: History
    subscriptions: Subscriptions


def microsoft365_of(
    settings: Settings, replaced: Replacements, *, machine: Machine, vault: Vault, quotas: QuotaStore
) -> Microsoft365:
    """Returns Microsoft 365 at the addresses of *settings*; all that reads through Graph shares its slots."""
    clock, slots = machine.clock, Slots()
    entra = Entra(vault, clock, login_url=settings.login_url)
    users = EntraUsers(vault, clock, login_url=settings.login_url)
    graph = GraphClient(replaced.token_source or entra, graph_url=settings.graph_url)
    return Microsoft365(
        inspector=replaced.token_inspector or entra,
        code_flow=replaced.code_flow or users,
        grant_tokens=replaced.grant_tokens or users,
        reader=replaced.reader or GraphMessages(graph, clock, slots, budget=_READ_BUDGET),
        mailboxes=replaced.mailboxes or GraphMailboxes(graph, clock, slots),
        history=replaced.history or GraphHistory(graph, clock, slots),
        subscriptions=replaced.subscriptions or GraphSubscriptions(graph, clock, Quotas(quotas, machine)),
    )
