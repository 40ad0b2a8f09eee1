"""What the vendors allow, cut down to what our templates use, and the programs that cut it."""
