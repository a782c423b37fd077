"""Services: what acts on records, through events that it publishes and tables of its own."""
