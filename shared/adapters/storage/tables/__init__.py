"""State: one file per store, on Azure Table Storage."""
