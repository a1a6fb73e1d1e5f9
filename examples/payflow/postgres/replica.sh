#!/bin/sh
# Starts a PostgreSQL replica in a container: copies the primary once, then follows it.
set -eu

data="${PGDATA:-/var/lib/postgresql/data}"
if [ ! -s "$data/PG_VERSION" ]; then
  until pg_isready --host "$PRIMARY_HOST" --username "$POSTGRES_USER" --quiet; do sleep 1; done
  PGPASSWORD="$POSTGRES_PASSWORD" pg_basebackup \
    --dbname "host=$PRIMARY_HOST user=$POSTGRES_USER application_name=$NODE_NAME password=$POSTGRES_PASSWORD" \
    --pgdata "$data" --write-recovery-conf --wal-method stream --checkpoint fast
  chmod 0700 "$data"
fi
exec postgres -c config_file=/etc/postgresql/postgresql.conf -c "cluster_name=$NODE_NAME"
