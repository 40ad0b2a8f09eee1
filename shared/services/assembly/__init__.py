"""How the use cases are put together, a group of them to a file; `relay.py` beside it puts the groups together."""
