"""Provenance: which event owns each group of a row, and which events lost to it."""
