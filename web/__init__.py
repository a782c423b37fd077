"""Pages in Flower: the records as people look at them, read from the database by a role that only reads."""
