"""Retention: what is too old goes by itself (docs/contract/retention.md)."""
