"""What an operator starts: `docker-compose.yml`, the units of systemd, and the commands in the documents."""
