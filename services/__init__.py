"""What acts on records: the vault, users' passwords and sessions, the scheduler. Needs the extra `worker`."""
