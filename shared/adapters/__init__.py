"""The outside: one package or file per system, each behind a port."""
