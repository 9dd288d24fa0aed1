# shellcheck shell=bash
# What a datapath in user space leaves on a host when its director is killed: processes that go on forwarding, the guard
# table, the veth pair, notes and a dead socket. Needs net.sh and xdp.sh.

# As src/worker/note-file.ts writes it: PID and the number of the file of its memory, by which it is known again.
left_process() {
  local pid fd
  if [ ! -f "$1" ]; then return 0; fi
  read -r pid fd <"$1" || return 0
  if [[ $(readlink "/proc/$pid/fd/$fd") == /memfd:director-* ]]; then echo "$pid"; fi
}

# remove_pcap_from INTERFACE: what a director left that is no more.
remove_pcap_from() {
  local socket=${DIRECTOR_SOCKET:-/run/director/director.sock} folder table="director_${1//[^A-Za-z0-9]/_}" pid note
  folder=$(dirname "$socket")
  if director_runs_on "$1"; then return 0; fi
  # Those of several workers have a colon and a number behind the interface.
  for note in "$folder/datapath-$1" "$folder/datapath-$1":*; do
    pid=$(left_process "$note")
    if [ -n "$pid" ]; then end_left_process "$pid"; fi
  done
  if command -v nft >/dev/null && nft list table netdev "$table" >/dev/null 2>&1; then
    run nft delete table netdev "$table"
  fi
  remove_left_veth "$1"
  for note in "$folder/datapath-$1" "$folder/datapath-$1":* "$folder/checks-$1"; do
    if [ -e "$note" ]; then run rm -f "$note"; fi
  done
  if [ -S "$socket" ] && ! grep -qF " $socket" /proc/net/unix; then run rm -f "$socket"; fi
}

end_left_process() {
  local try
  run kill -TERM "$1" || return 0 # it has just ended by itself
  if [ "$DRY_RUN" = yes ]; then return 0; fi
  for ((try = 0; try < 50; try++)); do
    if ! kill -0 "$1" 2>/dev/null; then return 0; fi
    sleep 0.02
  done
  run kill -KILL "$1" || return 0
}

# As src/host/local-delivery.ts names it.
remove_left_veth() {
  local name="dir-$1"
  if [ ${#1} -gt 10 ]; then name="dir-if$(ip -o link show dev "$1" 2>/dev/null | cut -d: -f1)"; fi
  if ip link show dev "$name" >/dev/null 2>&1; then run ip link delete dev "$name"; fi
}
