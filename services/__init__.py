"""What acts on records: the vault, users' passwords and sessions. Needs the extra `worker`."""
