"""Where it is kept: tables, repositories, unit of work, journal, dead letters. Knows domain."""
