#!/bin/sh
# Adds to .env (or the file that is named) a random password for each user of docker-compose.yml that has none there yet.
# Run again, it changes nothing. They are in URLs, so they are of letters and digits alone.
set -eu
umask 077
file=${1:-.env}
touch "$file"
chmod 600 "$file"
[ -z "$(tail -c 1 "$file")" ] || echo >> "$file"  # a last line without an end must not swallow a password
for name in POSTGRES_PASSWORD POSTGRES_OWNER_PASSWORD POSTGRES_WORKER_PASSWORD POSTGRES_FLOWER_PASSWORD \
    POSTGRES_MAINTAINER_PASSWORD \
    REDIS_ADMIN_PASSWORD REDIS_WORKER_PASSWORD REDIS_BEAT_PASSWORD REDIS_FLOWER_PASSWORD REDIS_READER_PASSWORD \
    REDIS_PRODUCER_PASSWORD FLOWER_PASSWORD
do
    grep -q "^$name=" "$file" || echo "$name=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')" >> "$file"
done
