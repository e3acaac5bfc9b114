"""Instruments, tickets, the order engine, the order book."""
