# shellcheck shell=bash
# What tests of this project could leave on a machine, so that scripts/test can compare before and after. Other
# runs may be at work meanwhile: what they make is told apart by the process number in its name.

# One line for each: kind, name.
traces() {
  ls /run/netns 2>/dev/null | sed 's/^/namespace /'
  ls /run/director 2>/dev/null | sed 's|^|directory /run/director/|'
  ip -o link show 2>/dev/null | awk -F': ' '{ sub(/@.*/, "", $2) } $2 ~ /^(dirp?-|lan0$|client$|director$|rs[0-9]$)/ { print "device", $2 }'
  nft list tables 2>/dev/null | sed -n 's/^table \(.*director.*\)/nftables table \1/p'
}

# new_traces BEFORE MARK: what is there now, was not in BEFORE, and belongs to no live process; and the
# processes that have TEST_RUN=MARK in their environment, which children inherit.
new_traces() {
  local trace
  while read -r trace; do
    if [ -n "$trace" ] && ! grep -qxF -- "$trace" <<<"$1" && ! has_live_maker "$trace"; then echo "$trace"; fi
  done < <(traces)
  marked_processes "$2"
}

# Tests put their process number into names: dirtest-4711-1-host, lab-labtest-4711.
has_live_maker() {
  local number
  for number in $(grep -oE '[0-9]{2,}' <<<"$1"); do
    if [ -d "/proc/$number" ]; then return 0; fi
  done
  return 1
}

marked_processes() {
  local environment pid
  for environment in /proc/[0-9]*/environ; do
    if { tr '\0' '\n' <"$environment" | grep -qxF "TEST_RUN=$1"; } 2>/dev/null; then
      pid=${environment#/proc/}
      echo "process $(ps -o pid=,args= -p "${pid%/environ}")"
    fi
  done
}
