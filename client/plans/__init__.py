"""What publishers and mailboxes do, apart from how Redis is reached: plans, which `client.drivers` follows."""
