"""The sidecar: a container that keeps IMAP open for delegated accounts, reads their mail, and sends for them."""
