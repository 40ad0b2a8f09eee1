"""Entry points: each parses its trigger, calls one service method and shapes the answer; one module per noun."""
