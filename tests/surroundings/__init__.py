"""Somebody else's servers and settings: with each of them right rows, or a clear refusal (`make surroundings`)."""
