"""What acts on the records: calls of webhooks that start executions, the records of a new ledger. Knows all but cli."""
