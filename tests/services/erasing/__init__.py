"""Erasing: everything of a subject goes, and nothing brings it back."""
