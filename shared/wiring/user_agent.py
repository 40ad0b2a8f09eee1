"""The user agent: whom collectors, customers' endpoints and our own address see calling."""

USER_AGENT = "Relay365/0.1"
