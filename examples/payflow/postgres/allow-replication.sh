#!/bin/sh
# Runs once when the primary is made: replicas of the containers' network may connect, with the password. From the next start
# on a commit waits until one replica has it on disk; a server is never its own standby, so all have the same setting. It is
# not in postgresql.conf, because the database itself is made before there are replicas.
set -eu
echo 'host replication all samenet scram-sha-256' >>"$PGDATA/pg_hba.conf"
psql --username "$POSTGRES_USER" --dbname postgres \
  --command "ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (pg_1, pg_2, pg_3)'"
