"""The pages, a file each: what is asked of the database, and the handler that shows it."""
