"""The tables of sign-in: passwords, sessions, tries; outside the merge and outside `verify` (CONTRACT-RECORDS §4)."""
