"""One machine: the Functions host, Microsoft 365 simulated, a webhook receiver and the stack that runs them."""
