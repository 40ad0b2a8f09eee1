"""
IMAP as Exchange Online speaks it, and nothing of ours: a thin core over asyncio.

Why not a library: the one for asyncio hangs where a server says BYE or refuses a token, and the sound one for threads
wants a thread, and a TLS context of its own, for each connection. Only what a FETCH answers is parsed by a library.
"""
