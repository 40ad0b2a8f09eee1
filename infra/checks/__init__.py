"""
Checks of the templates that need no network: `python -m infra.checks`.

Each check is a module with `problems(folder)`, which returns sentences; schemas/ holds what the vendors allow.
"""
