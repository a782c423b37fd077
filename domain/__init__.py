"""The vocabulary: envelope, events, statuses, keys, ids, errors, settings. Imports no other room."""
