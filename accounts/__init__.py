"""People and their broker accounts."""
