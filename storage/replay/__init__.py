"""Rows as plain values, and a scratch database in which they are computed anew: what verify and repair need."""
