"""Dovecot as the mail server of delegated accounts: finding it, its configuration, and a running one."""
