"""Metrics for Prometheus: what they tell, where they are served, and who asks for them."""
