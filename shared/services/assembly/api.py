"""What callers ask for: accounts come and go, applications, sign-ins and tokens with them."""

from dataclasses import dataclass

from shared.ports.outside import Outside
from shared.services.accounts import Accounts
from shared.services.assembly.events import Events
from shared.services.assembly.mailboxes import Mailboxes
from shared.services.assembly.memory import SETTINGS_TTL, Memory
from shared.services.assembly.options import Options
from shared.services.bindings import Bindings
from shared.services.erasures import Erasures
from shared.services.expiries import Expiries
from shared.services.lookups import Lookup
from shared.services.oauth2 import OAuth2Apps
from shared.services.rate_limits import RateLimits
from shared.services.registrations import Registrations
from shared.services.removals import Removals
from shared.services.sign_ins import SignIns
from shared.services.tokens import Tokens


@dataclass(frozen=True)
class Api:
    """What answers the API and the sign-in pages, and what its words have done later."""

    tokens: Tokens
    accounts: Accounts
    removals: Removals
    erasures: Erasures
    expiries: Expiries
    oauth2_apps: OAuth2Apps
    sign_ins: SignIns
    registrations: Registrations


def assemble_api(outside: Outside, options: Options, memory: Memory, *, events: Events, mailboxes: Mailboxes) -> Api:
    """Returns what answers callers."""
    machine = outside.machine
    tokens = Tokens(
        store=outside.tokens,
        lookup=Lookup(outside.tokens.get, machine.clock, SETTINGS_TTL),
        limits=RateLimits(outside.rate_limits, machine),
        accounts=outside.accounts,
        machine=machine,
        first=options.first_tokens,
        proxies=options.trusted_proxies,
    )
    bindings = Bindings(outside.bindings, outside.accounts)
    accounts = Accounts(
        store=outside.accounts,
        bindings=bindings,
        apps=memory.apps,
        grants=mailboxes.grants,
        watches=outside.watches,
        webhooks=events.webhooks,
        account_lookup=memory.accounts,
        tokens=tokens,
        changes=outside.changes,
        jobs=outside.jobs,
        machine=machine,
        allow_http=options.allow_http,
    )
    removals = Removals(
        accounts=outside.accounts,
        bindings=bindings,
        apps=memory.apps,
        subscriptions=outside.subscriptions,
        quotas=memory.quotas,
        webhooks=events.webhooks,
        tokens=tokens,
        settings=events.settings,
        changes=outside.changes,
        jobs=outside.jobs,
        log=machine.log,
        watching=mailboxes.watching,
    )
    erasures = Erasures(
        registry=accounts,
        accounts=outside.accounts,
        traces=outside.traces,
        poison=outside.poison,
        mirrors=outside.mirrors,
        jobs=outside.jobs,
        machine=machine,
    )
    expiries = Expiries(outside.apps, outside.due, outside.jobs, outside.changes, machine)
    oauth2_apps = OAuth2Apps(
        store=outside.apps,
        lookup=memory.apps,
        accounts=outside.accounts,
        jobs=outside.jobs,
        expiries=expiries,
        vault=outside.vault,
        inspector=outside.inspector,
        mailboxes=outside.mailboxes,
        endpoint=outside.endpoint,
        settings=events.settings,
        machine=machine,
    )
    sign_ins = SignIns(
        flows=outside.flows,
        apps=outside.apps,
        app_lookup=memory.apps,
        code_flow=outside.code_flow,
        grants=mailboxes.grants,
        accounts=accounts,
        settings=events.settings,
        machine=machine,
    )
    registrations = Registrations(accounts, memory.apps, mailboxes.grants, outside.code_flow, sign_ins)
    return Api(tokens, accounts, removals, erasures, expiries, oauth2_apps, sign_ins, registrations)
