"""
What posts to customers' endpoints: the guard of addresses, the dialer, deadlines, kept connections and the sender.

It stands on `http.client` rather than on a client library: only with the connection itself in hand can we dial what was
vetted, cut an answer at a moment, drop what idled too long, and keep a customer's headers out of every log.
"""
