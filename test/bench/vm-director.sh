#!/bin/bash
# SPDX-License-Identifier: MIT
# The director of this checkout as a balancer of ipvs-vm/bench-ipvs.sh (--lb director=THIS FILE), which says what it is to
# do in IV_IN, IV_OUT, IV_VIP, IV_PORT and IV_RS. Prints READY once it forwards; SIGTERM ends it. With --program-alone its
# processes are stopped meanwhile: what they do by the clock, sweeping the table above all, weighs more the slower the CPU.
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
signal() { pkill "-$1" -P $pid || true; kill "-$1" $pid; }
trap 'signal CONT; kill -TERM $pid; wait $pid; rm -rf "$work"; exit 0' TERM INT
until grep -q 'director runs on' "$work/log" && node "$dist/cli/director/main.js" status | grep -Eq '^datapath +xdp.*running'; do
  kill -0 $pid 2>/dev/null || { cat "$work/log"; exit 1; }
  sleep 0.5
done
# Processes that stand by are still starting: not what a frame costs. Until the CPU is idle three quarters of a second.
idle_ticks() { awk '/^cpu / { print $5 }' /proc/stat; }
for _ in $(seq 30); do
  before=$(idle_ticks)
  sleep 1
  [ $(($(idle_ticks) - before)) -lt 75 ] || break
done
[ "${1:-}" != --program-alone ] || signal STOP
echo READY
wait $pid
