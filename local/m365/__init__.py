"""
Microsoft 365, simulated for one machine: Entra ID, Graph mail, subscriptions that really push, and what goes wrong.

One deviation from Graph: a notification URL may be `http://` when it points to loopback, because the local stack has no
TLS in front of the function app. Rich notifications (`includeResourceData`) are refused.
"""
