"""What goes from the ledger, and what stays of it (docs/contract/retention.md)."""
