"""What acts on records: the vault, users, schedules, webhooks, the seed. Needs the extra `worker`."""
