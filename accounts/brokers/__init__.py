"""Brokers: the one door to the outside."""
