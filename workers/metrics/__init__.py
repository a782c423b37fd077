"""Metrics of the service for Prometheus: read from the tables and from Redis at each scrape (docs/decisions/0050)."""
