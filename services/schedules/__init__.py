"""Schedules fire: for each due time an execution is created, once in effect (docs/contract/schedules.md)."""
