"""What tables are made of: types, and columns with their rules, keys and indexes."""
