#!/bin/bash
# Makes the role the services work as: it owns the database's schema and is no superuser, so that row-level security
# holds for it (the tables force it on their owner).
set -euo pipefail
psql --set ON_ERROR_STOP=1 --set password="$ETUDE_POSTGRES_PASSWORD" --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<'SQL'
CREATE ROLE etude LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
GRANT ALL ON DATABASE etude TO etude;
ALTER SCHEMA public OWNER TO etude;
SQL
