"""What can be said and what it means: envelope, events, statuses, keys, ids, errors. Knows nobody."""
