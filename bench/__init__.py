"""Flowledger and its peers, measured in one run on the same servers: `make bench`."""
