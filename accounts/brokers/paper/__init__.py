"""The paper exchange: Kite Connect on your own machine."""
