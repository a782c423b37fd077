"""The ledger's own tables: the journal, dead letters, checkpoints, what waits for inboxes, and who the ledger is."""
