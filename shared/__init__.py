"""The product: a pure domain, the use cases on it, the adapters around them, and the root that joins them."""
