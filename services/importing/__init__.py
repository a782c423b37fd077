"""Importing: files of events go into the database by the recorder, without Redis (docs/contract/import.md)."""
