"""What `flowledger dead-letters …` is made of: options, what is done, what is shown."""
