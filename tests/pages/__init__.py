"""The pages of Flower's tab "Ledger" on many rows: `python -m tests.pages` measures them."""
