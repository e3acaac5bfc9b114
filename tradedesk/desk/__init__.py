"""The desk: the whole product on one machine, servers included, under one parent process."""


class CannotStart(Exception):
    """Something the operator must change first; the message says what."""
