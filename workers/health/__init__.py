"""Whether the service is fit: signs of life of its workers, and whether events published now would be recorded."""
