"""Positions, holdings, funds, the sync pipeline, history, analytics."""
