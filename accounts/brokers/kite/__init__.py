"""Zerodha's Kite Connect, spoken through the official client with our own transport under it."""
