# shellcheck shell=bash
# What director-down and real-server-down share: from the last step of `up` back to the first.

# remove_vips_from DEVICE: those named, or all that `up` remembers.
remove_vips_from() {
  local vip
  if [ ${#VIPS[@]} -eq 0 ]; then mapfile -t VIPS < <(remembered 'vip ' | cut -d' ' -f2); fi
  for vip in "${VIPS[@]}"; do remove_vip "$1" "$vip"; done
}

# remove_own_addresses UP: an address that was there before UP keeps the host reachable, so it stays. The
# interface goes down only if UP brought it up and nothing else lives on it now.
remove_own_addresses() {
  local address gone=("${VIPS[@]}")
  for address in "${ADDRESSES[@]}"; do
    if is_remembered "address $address"; then
      remove_address "$INTERFACE" "$address"
      gone+=("${address%/*}")
    elif [ -n "$(prefix_on "$INTERFACE" "${address%/*}")" ]; then
      warn "$address stays on $INTERFACE: $1 did not put it there"
    fi
  done
  if is_remembered "link $INTERFACE" && ! has_more_than "${gone[@]}"; then
    bring_link_down "$INTERFACE"
  fi
}

# has_more_than ADDRESS...: is there another global address on the interface? (With --dry-run, those taken
# down are still there.)
has_more_than() {
  local address known=' '
  for address in "$@"; do known+="$(canonical "$address") "; done
  while read -r address; do
    if [ -n "$address" ] && [[ $known != *" $(canonical "$address") "* ]]; then return 0; fi
  done < <(ip -o addr show dev "$INTERFACE" scope global | awk '{ sub(/\/.*/, "", $4); print $4 }')
  return 1
}
