"""The two kinds of database: addresses, sessions, and how many transactions are run in one round trip."""
