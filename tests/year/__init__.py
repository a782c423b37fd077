"""A simulated year: a ledger that forgets stays small, and keeps what it must (docs/contract/retention.md)."""
