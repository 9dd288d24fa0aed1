# shellcheck shell=bash
# What tests of this project could leave on a machine, so that scripts/test can compare before and after. Other
# runs, and labs of people, come and go meanwhile: tests have their process number in the names that they give
# (dirtest-4711-1-host, lab-labtest-4711), and only what a process that is no more has named counts as left.

# One line for each: kind, name. What cannot be seen without root cannot have been made without it.
traces() {
  ls /run/netns 2>/dev/null | sed 's/^/namespace /'
  ls /run/director 2>/dev/null | sed 's|^|directory /run/director/|'
  ip -o link show 2>/dev/null | awk -F': ' '{ sub(/@.*/, "", $2) } $2 ~ /^(dirp?-|lan0$|client$|director$|rs[0-9]$)/ { print "device", $2 }'
  ls -d /sys/fs/bpf/director*/* 2>/dev/null | sed 's/^/pins /'
  nft list tables 2>/dev/null | sed -n 's/^table \(.*director.*\)/nftables table \1/p'
  return 0
}

# new_traces BEFORE MARK: what is left now and was not there in BEFORE; and the processes that have
# TEST_RUN=MARK in their environment, which children inherit.
new_traces() {
  local trace
  while read -r trace; do
    if [ -n "$trace" ] && ! grep -qxF -- "$trace" <<<"$1" && is_left "$trace"; then echo "$trace"; fi
  done < <(traces)
  marked_processes "$2"
}

# Devices and tables here have no number: no test makes any outside of its namespaces.
is_left() {
  local number
  case $1 in 'device '* | 'nftables '*) return 0 ;; esac
  number=$(grep -oE -- '-[0-9]{2,}' <<<"$1" | head -n 1)
  [ -n "$number" ] && [ ! -d "/proc/${number#-}" ]
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
