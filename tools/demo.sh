#!/usr/bin/env bash
# Reads the PDFs of examples/ and writes fingered scores to out/demo.
set -euo pipefail
cd "$(dirname "$0")/.."
etude annotate examples/*.pdf -o out/demo
echo
echo "The pages with fingering:"
ls -1 "$PWD"/out/demo/*.annotated.pdf
