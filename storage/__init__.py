"""The database: tables, repositories, unit of work, journal, dead letters. Imports only domain."""
