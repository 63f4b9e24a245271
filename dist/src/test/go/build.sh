#!/bin/sh
# Builds the test peers into OUTDIR: one for each release of smux that Culvert has to work with, and the rand example.
# Silent unless it fails. Works offline once the module cache has the releases.
set -eu

[ $# = 1 ] || { echo "usage: $0 OUTDIR" >&2; exit 2; }
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")"
export CGO_ENABLED=0 GOWORK=off

build() { # MODFILE PACKAGE PROGRAM
  log=$(go build -mod=readonly -modfile="$1" -buildvcs=false -trimpath -o "$out/$3" "$2" 2>&1) || {
    printf '%s: %s\n' "$3" "$log" >&2
    exit 1
  }
}

build go-1.5.24.mod ./peer peer-1.5.24
build go-1.5.50.mod ./peer peer-1.5.50
build go.mod ./peer peer-1.5.57
build go.mod ./rand/randservice randservice-1.5.57
build go.mod ./rand/randgateway randgateway-1.5.57
