"""People and, with the brokers, their accounts, credentials, sharing and audit."""
