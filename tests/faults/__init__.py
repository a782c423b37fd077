"""The fault harness: the service as processes, faults done to it, and a judge that stands outside."""
