"""The doors of the paper exchange: HTTP, sockets, log-in, postbacks, control."""
