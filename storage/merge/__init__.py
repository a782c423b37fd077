"""The merge rule as data and as SQL: groups, descriptions, additions, writes, and the conditions of an event."""
