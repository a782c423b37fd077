"""The schemas and the recorder agree: what the schemas refuse is refused, what they accept is accepted."""
