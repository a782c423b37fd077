"""What publishers and mailboxes do, apart from how Redis is reached.

Nothing here opens a connection, waits or sleeps: a plan yields steps, and a driver (`client.drivers`) takes them, one
that blocks or one that awaits. So everything is written once, and can be tested without a server.

| module | |
| --- | --- |
| `steps` | the steps, and what a plan is |
| `locks` | a lock that plans wait for by a step |
| `commands` | commands of Redis, with retries; transactions |
| `redis_errors` | what an error of Redis means, and the error that a user gets |
| `publishing`, `spooling` | a publisher without and with a spool |
| `mailbox` | a mailbox: sending, requests, receiving, acknowledging |
| `outgoing` | the events that a mailbox publishes |
| `inbox`, `inbox_commands`, `entries` | reading an inbox; its commands; messages from its entries |
| `routing`, `buffer` | which consumer gets an entry; messages that were read and not acknowledged |
| `presence` | the consumers of an inbox, and their signs of life |
"""
