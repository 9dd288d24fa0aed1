# shellcheck shell=bash
# What every script of this folder shares: how it fails, how it runs or only prints a command, how it undoes
# half of its work, what it remembers under /run/director. What the commands do to a host is in the other
# files of this folder.

PROGRAM=${0##*/}
DRY_RUN=no
VERBOSE=no
# What `up` must know at `down` (old sysctl values, what it added). One directory for each network namespace:
# scripts/lab gives every host of the lab its own.
DIRECTOR_RUN=${DIRECTOR_RUN:-/run/director}

warn() { printf '%s: %s\n' "$PROGRAM" "$*" >&2; }
die() { warn "$@"; exit 1; }
# The command line is at fault: names the value and the fix, exit 2.
usage_error() { warn "$@"; exit 2; }

need_root() { [ "$(id -u)" -eq 0 ] || die 'needs root: run it with sudo (--dry-run and --help need none)'; }

# need_tool TOOL PACKAGE
need_tool() { command -v "$1" >/dev/null || die "needs $1: apt-get install $2"; }

# Prints a command as a shell would take it back.
print_command() {
  local text
  text=$(printf '%q ' "$@")
  printf '%s\n' "${text% }"
}

# Runs a command; with --dry-run only prints it on stdout, with --verbose prints it on stderr first.
run() {
  if [ "$DRY_RUN" = yes ]; then print_command "$@"; return 0; fi
  if [ "$VERBOSE" = yes ]; then printf '+ %s\n' "$(print_command "$@")" >&2; fi
  "$@"
}

# --- undo: what this run did is taken back in reverse order if it ends with anything but 0 ---

UNDO=()

# undo_with COMMAND...: call it before the step, since a tool may fail after half of its work. The undo
# command must do no harm where the step did nothing.
undo_with() {
  if [ "$DRY_RUN" = no ]; then UNDO+=("$(print_command "$@")"); fi
}

undo_all() {
  local i
  for ((i = ${#UNDO[@]} - 1; i >= 0; i--)); do
    eval "${UNDO[i]}" || warn "could not undo: ${UNDO[i]}"
  done
  UNDO=()
}

finish() {
  local status=$?
  trap '' INT TERM HUP
  set +e
  if [ "$status" -ne 0 ] && [ ${#UNDO[@]} -gt 0 ]; then
    if [ "$status" -gt 128 ]; then warn 'interrupted: undoing what was done'; else warn 'failed: undoing what was done'; fi
    undo_all
  fi
  exit "$status"
}

undo_on_failure() {
  trap finish EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
}

# --- memory: lines in $STATE_FILE, a file under /run/director that up writes and down reads ---

STATE_FILE=

remembered() { if [ -f "$STATE_FILE" ]; then grep -- "^$1" "$STATE_FILE" || true; fi; }

is_remembered() { [ -f "$STATE_FILE" ] && grep -qxF -- "$1" "$STATE_FILE"; }

remember() {
  if [ "$DRY_RUN" = yes ] || is_remembered "$1"; then return 0; fi
  mkdir -p "${STATE_FILE%/*}"
  printf '%s\n' "$1" >>"$STATE_FILE"
}

# Drops one line; the file goes with its last line.
forget() {
  if [ "$DRY_RUN" = yes ] || ! is_remembered "$1"; then return 0; fi
  grep -vxF -- "$1" "$STATE_FILE" >"$STATE_FILE.new" || true
  mv "$STATE_FILE.new" "$STATE_FILE"
  if [ ! -s "$STATE_FILE" ]; then rm -f "$STATE_FILE"; fi
}

# For as long as this run lasts, no other run works on the same file.
lock_state() {
  if [ "$DRY_RUN" = yes ]; then return 0; fi
  undo_with clear_run_directory
  mkdir -p "$DIRECTOR_RUN"
  exec 9<"$DIRECTOR_RUN"
  flock -w 10 9 || die "another script has been at work on this host for 10 s (it holds $DIRECTOR_RUN)"
}

# An empty directory is not worth keeping.
clear_run_directory() {
  if [ "$DRY_RUN" = no ] && [ -d "$DIRECTOR_RUN" ]; then rmdir --ignore-fail-on-non-empty "$DIRECTOR_RUN"; fi
}
