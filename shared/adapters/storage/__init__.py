"""One Azure Storage account: its queues, and in `tables/` its tables."""
