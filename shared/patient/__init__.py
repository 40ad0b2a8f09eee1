"""The network, waited for no longer than whoever waits for the work at hand: what keeps to `shared/patience.py`."""
