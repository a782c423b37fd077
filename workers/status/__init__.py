"""How the service does: gathered once, for `status`, `top`, `health`, the metrics and the pages."""
