"""The project: what everyone may use, and the wiring on top."""
