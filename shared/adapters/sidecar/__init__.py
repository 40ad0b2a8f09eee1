"""The sidecar's internal API: how requests and answers are written, for both ends, and the client."""
