"""A simulated year: does a ledger that forgets stay small, and does it keep what it must? (docs/contract/retention.md)"""
