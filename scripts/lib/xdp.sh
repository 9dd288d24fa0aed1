# shellcheck shell=bash
# What the xdp datapath has in the kernel, and leaves there when its director is killed: pins in a bpf file system,
# whose link holds the program on the interface, and a filter of what leaves it. Needs net.sh.

# As src/xdp has them.
FILTER_PRIORITY=49300
FILTER_HANDLE=0x1d1

# As src/host/bpf-folder.ts looks for them.
bpf_folders() {
  if [ -n "${DIRECTOR_BPFFS:-}" ]; then echo "$DIRECTOR_BPFFS"; return 0; fi
  printf '%s\n' /sys/fs/bpf/director /run/director/bpf
}

# One holds an abstract socket of this name for as long as it lives; NULs that fill the name up are printed as @.
director_runs_on() { awk '{ sub(/@*$/, "", $NF); print $NF }' /proc/net/unix | grep -qxF "@director/$1"; }

# remove_xdp_from INTERFACE: what a director left that is no more.
remove_xdp_from() {
  local folder
  if director_runs_on "$1"; then return 0; fi
  while read -r folder; do
    if [ -d "$folder/$1" ]; then
      run rm -rf "$folder/$1"
      run rmdir --ignore-fail-on-non-empty "$folder" 2>/dev/null || true # a mount point stays
    fi
  done < <(bpf_folders)
  remove_filter_from "$1"
}

remove_filter_from() {
  if ! has_our_filter "$1"; then return 0; fi
  run tc filter del dev "$1" egress pref "$FILTER_PRIORITY" handle "$FILTER_HANDLE" bpf
  if [ "$DRY_RUN" = yes ] || has_filters "$1" egress || has_filters "$1" ingress; then return 0; fi
  run tc qdisc del dev "$1" clsact
}

has_our_filter() {
  command -v tc >/dev/null &&
    tc filter show dev "$1" egress 2>/dev/null | grep -q "pref $FILTER_PRIORITY bpf .*handle $FILTER_HANDLE "
}

has_filters() { tc filter show dev "$1" "$2" 2>/dev/null | grep -q .; }
