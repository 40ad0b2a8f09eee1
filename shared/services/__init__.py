"""Use cases: what the product does, told with the domain and the ports alone."""
