"""The parts of a run, each of which can be chosen alone. Each measures, and returns figures by contender or case.

A figure is a list with one value a round. `bench.tables` shows them.
"""
