"""
Dovecot's configuration: one server for XOAUTH2 over IMAP and submission that says what Exchange Online says.

Every `}` stands on a line of its own: Dovecot 2.3 reads it no other way.
"""

import getpass
import grp
import os
from dataclasses import dataclass
from pathlib import Path

# What Exchange Online advertises. Dovecot knows more (CONDSTORE, ESEARCH, SPECIAL-USE, ...), which nothing may lean on.
CAPABILITY = "IMAP4 IMAP4rev1 AUTH=PLAIN AUTH=XOAUTH2 SASL-IR UIDPLUS MOVE ID UNSELECT CHILDREN IDLE NAMESPACE LITERAL+"


@dataclass(frozen=True)
class DovecotPorts:
    """Where the server listens: IMAP over TLS, plain IMAP (for a proxy in front), submission (STARTTLS), LMTP."""

    imaps: int
    imap: int
    submission: int
    lmtp: int


@dataclass(frozen=True)
class Relay:
    """Where submitted mail goes."""

    host: str = "127.0.0.1"
    port: int = 25


def server_config(folder: Path, ports: DovecotPorts, relay: Relay, connections_per_user: int) -> str:
    """Returns dovecot.conf for a server that keeps everything in *folder*."""
    return f"""\
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
listen = 127.0.0.1
protocols = imap lmtp submission
{_identity()}
ssl = yes
ssl_cert = <{folder}/tls/server.pem
ssl_key = <{folder}/tls/server.key
# Exchange takes no password.
auth_mechanisms = xoauth2
auth_verbose = yes
auth_failure_delay = 0
# A proxy in front speaks to the plain port.
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
mail_fsync = never
mail_max_userip_connections = {connections_per_user}
# Where inotify has no instance left, Dovecot looks this often.
mailbox_idle_check_interval = 2 secs
first_valid_uid = 1
first_valid_gid = 0
postmaster_address = postmaster@localhost
hostname = localhost
login_greeting = The Microsoft Exchange IMAP4 service is ready.
imap_capability = {CAPABILITY}
lda_mailbox_autocreate = yes
recipient_delimiter =
passdb {{
  driver = oauth2
  mechanisms = xoauth2
  args = {folder}/oauth2.conf.ext
  result_success = continue-ok
  result_failure = return-fail
}}
# The token says who it is; a file for each right says which mailboxes he may open.
passdb {{
  driver = passwd-file
  args = {folder}/rights/%Lu|%L{{passdb:upn}}
  result_success = return-ok
  result_failure = return-fail
}}
userdb {{
  driver = static
  args = uid={os.getuid() or "nobody"} gid={os.getgid() if os.getuid() else "nogroup"} \
home={folder}/mail/%Lu allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
{_mailboxes()}
}}
service imap-login {{
  {_chroot()}
  service_count = 0
  client_limit = 8000
  inet_listener imaps {{
    port = {ports.imaps}
  }}
  inet_listener imap {{
    port = {ports.imap}
  }}
}}
service imap {{
  process_limit = 6000
}}
service anvil {{
  {_chroot()}
  client_limit = 12000
  # Else failed logins delay the next ones from their address.
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth {{
  client_limit = 12000
}}
service stats {{
  client_limit = 12000
}}
service submission-login {{
  {_chroot()}
  inet_listener submission {{
    port = {ports.submission}
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    port = {ports.lmtp}
  }}
}}
submission_relay_host = {relay.host}
submission_relay_port = {relay.port}
"""


def token_config(folder: Path, issuers: tuple[str, ...]) -> str:
    """Returns what Dovecot checks of a token, offline: signature, moments, issuer, and whose it is (`upn`)."""
    accepted = f"issuers = {' '.join(issuers)}\n" if issuers else ""
    # The same text for every name: who may open what is the business of the rights alone.
    return f"""\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
{accepted}username_attribute = upn
username_format = mailbox
pass_attrs = upn=%{{oauth2:upn}}
"""


def _identity() -> str:
    if os.getuid() == 0:
        return "default_internal_user = dovecot\ndefault_login_user = dovenull"
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    return f"default_internal_user = {user}\ndefault_login_user = {user}\ndefault_internal_group = {group}"


def _chroot() -> str:
    return "" if os.getuid() == 0 else "chroot ="


def _mailboxes() -> str:
    # The folders that every Exchange mailbox is born with.
    names = ("Archive", "Deleted Items", "Drafts", "Junk Email", "Sent Items")
    return "\n".join(f'  mailbox "{name}" {{\n    auto = subscribe\n  }}' for name in names)
