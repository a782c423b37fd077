"""The look-ups and their plans: `python -m tests.plans` measures them and writes docs/lookups.md."""
