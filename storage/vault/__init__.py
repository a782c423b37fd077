"""The vault's tables: sealed secrets and credentials, outside the merge and outside `verify` (CONTRACT-RECORDS §4)."""
