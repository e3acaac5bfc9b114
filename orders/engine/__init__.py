"""The order engine: everything that changes something at a broker is a task, sent once and never lost.

`accept` writes a task before anything is sent. `sending` claims it, writes that it is about to
send, sends, and writes what became of it. `reconcile` looks at the broker for what nobody can tell.
`sweep` finds what a dead process left. The states and every step between them are in `core`, which
knows no database and no clock. The row in Postgres is the queue: hints may come twice or never.
"""
