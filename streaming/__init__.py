"""Live events: consumers now, account runners and postbacks with the brokers."""
