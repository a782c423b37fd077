"""`python -m tests.erasing`: executions are erased out of many, while a recorder goes on, and all is searched."""
