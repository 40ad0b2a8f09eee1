"""The local stack: everything of the product on one machine, started, watched over and stopped together."""
