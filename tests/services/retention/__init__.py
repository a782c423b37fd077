"""Tests of what goes when it is too old."""
