#!/usr/bin/env bash
# Checks that the contract breaks nothing that is already on main: against origin/main, or, where HEAD is that commit,
# against its parent. ETUDE_PROTO_BASE names another commit.
set -euo pipefail
cd "$(dirname "$0")/.."
head=$(git rev-parse HEAD)
base=${ETUDE_PROTO_BASE:-$(git rev-parse --verify --quiet origin/main || git rev-parse main)}
base=$(git rev-parse "$base")
if [ "$base" = "$head" ] && [ -z "${ETUDE_PROTO_BASE:-}" ]; then
  base=$(git rev-parse --verify --quiet HEAD^ || echo "$head")
fi
echo "buf breaking against $base"
buf breaking --against ".git#ref=$base"
