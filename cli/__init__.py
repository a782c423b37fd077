"""The command line. Knows all; nobody knows it."""
