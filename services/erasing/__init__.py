"""Erasing: rows and texts of a subject go, everywhere; that it was erased stays (docs/contract/erase.md)."""
