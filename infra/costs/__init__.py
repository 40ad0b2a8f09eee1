"""
What a deployment costs a month: `python -m infra.costs --accounts 10000 --events 20`.

load -> streams (executions) -> work (requests, bytes) -> model (priced lines) -> table. Prices and figures are inputs.
"""
