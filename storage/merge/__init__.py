"""The merge rule as data and as SQL: groups, descriptions, writes, and the conditions of an event."""
