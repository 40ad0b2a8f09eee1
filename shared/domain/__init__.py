"""Values in, values out: no clock, no input or output, no vendor's library."""
