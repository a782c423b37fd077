"""What pages show of executions and tasks: plain functions of a connection, and values for templates."""
