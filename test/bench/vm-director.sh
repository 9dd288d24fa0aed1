#!/bin/bash
# SPDX-License-Identifier: MIT
# The director of this checkout as a balancer of ipvs-vm/bench-ipvs.sh (--lb director=THIS FILE), which says what it is to
# do in IV_IN, IV_OUT, IV_VIP, IV_PORT and IV_RS. Prints READY once it forwards; SIGTERM ends it.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
dist=${DIRECTOR_DIST:-$root/dist}
work=$(mktemp -d)
export DIRECTOR_SOCKET=$work/director.sock DIRECTOR_BPFFS=$BPFFS/director

ip address replace "$IV_VIP/32" dev "$IV_IN"
for protocol in -t -u; do
  echo "-A $protocol $IV_VIP:$IV_PORT -s rr"
  for server in $IV_RS; do echo "-a $protocol $IV_VIP:$IV_PORT -r ${server%%=*}:$IV_PORT -g"; done
done > "$work/rules"
for server in $IV_RS; do
  ip neighbour replace "${server%%=*}" lladdr "${server#*=}" nud permanent dev "$IV_OUT"
done

node "$dist/cli/director/main.js" run --interface "$IV_IN" --datapath xdp --xdp-mode native --rules "$work/rules" \
  > "$work/log" 2>&1 &
pid=$!
trap 'kill -TERM $pid; wait $pid; rm -rf "$work"; exit 0' TERM INT
until grep -q 'director runs on' "$work/log" && node "$dist/cli/director/main.js" status | grep -Eq '^datapath +xdp.*running'; do
  kill -0 $pid 2>/dev/null || { cat "$work/log"; exit 1; }
  sleep 0.5
done
echo READY
wait $pid
