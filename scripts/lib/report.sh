# shellcheck shell=bash
# shellcheck disable=SC2034 # the colours are used in the scripts that read this file
# How setup, quickstart and test speak to whoever started them: a line for each step, what a command printed
# only if it failed, colour only on a terminal (https://no-color.org).

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' CYAN=$'\e[36m' PLAIN=$'\e[0m'
else
  BOLD='' DIM='' RED='' GREEN='' CYAN='' PLAIN=''
fi

# step LABEL COMMAND...: runs it with its output kept back. Fails as the command does.
step() {
  local label=$1 output status=0 started=$SECONDS took=''
  shift
  printf '  %-18s ' "$label"
  output=$("$@" 2>&1 </dev/null) || status=$?
  if [ $((SECONDS - started)) -ge 2 ]; then took=" ($((SECONDS - started)) s)"; fi
  if [ "$status" -eq 0 ]; then
    printf '%sok%s%s\n' "$GREEN" "$PLAIN" "$took"
  else
    printf '%sFAILED%s%s, exit %s of: %s\n%s\n' "$RED" "$PLAIN" "$took" "$status" "$*" "$output"
  fi
  return "$status"
}

# skip LABEL WHY
skip() { printf '  %-18s %s\n' "$1" "$2"; }
