# shellcheck shell=bash
# Addresses, aliases and host routes on a device, through ifconfig and route or through ip, to the same end
# state. Every function adds only what is missing and removes only what is there.

LABELS_GIVEN=()

# --- looking ---

# prefix_on DEVICE ADDRESS: the prefix length that ADDRESS has on DEVICE; nothing if it is not there.
prefix_on() {
  local length=32
  if is_ipv6 "$2"; then length=128; fi
  ip -o addr show dev "$1" to "$2/$length" | awk 'NR == 1 { split($4, part, "/"); print part[2] }'
}

# "LABEL ADDRESS" for every IPv4 address of a device; `ip -o` ends the part with the label by a backslash.
labels_on() {
  ip -o -4 addr show dev "$1" | sed 's/[\].*//' | awk '{ sub(/\/.*/, "", $4); print $NF, $4 }'
}

label_of() { labels_on "$1" | awk -v address="$2" '$2 == address { print $1; exit }'; }

# ip reads all of /run/netns for a link's name, and complains of a namespace that somebody is just making.
is_up() { ip -o link show dev "$1" up 2>/dev/null | grep -q .; }

has_host_route() { ip -4 route show table main exact "$2/32" dev "$1" | grep -q .; }

# --- link ---

BROUGHT_UP=

bring_link_up() {
  if is_up "$1" || [ "$BROUGHT_UP" = "$1" ]; then return 0; fi
  note_link_coming_up "$1"
  if [ "$TOOLS" = net-tools ]; then run ifconfig "$1" up; else run ip link set dev "$1" up; fi
}

note_link_coming_up() {
  if is_up "$1"; then return 0; fi
  BROUGHT_UP=$1
  undo_with bring_link_down "$1"
  remember "link $1"
}

bring_link_down() {
  if [ "$TOOLS" = net-tools ]; then run ifconfig "$1" down; else run ip link set dev "$1" down; fi
  forget "link $1"
}

# --- the host's own address ---

# add_address DEVICE ADDRESS/PREFIX. The kernel adds the network's route with the address: the article's
# `route add -net` would today add the same route a second time, so it is left out with both tool sets.
add_address() {
  local device=$1 address=${2%/*} prefix=${2#*/} broadcast found other
  found=$(prefix_on "$device" "$address")
  if [ "$found" = "$prefix" ]; then return 0; fi
  [ -z "$found" ] || die "$device has $address as /$found, not /$prefix: leave out --address, or give --address $address/$found"
  if is_ipv4 "$address"; then
    # ifconfig would replace that address, and cut off whoever works over it.
    other=$(labels_on "$device" | awk -v device="$device" '$1 == device { print $2; exit }')
    [ -z "$other" ] || die "$device has the address $other: leave out --address, or remove $other first"
  fi
  if is_ipv6 "$address"; then
    undo_with remove_address "$device" "$2"
    run ip -6 addr add "$2" dev "$device" nodad
  elif [ "$TOOLS" = net-tools ]; then
    note_link_coming_up "$device"
    undo_with remove_address "$device" "$2"
    broadcast=$(broadcast_of "$address" "$prefix")
    run ifconfig "$device" "$address" netmask "$(netmask_of "$prefix")" broadcast "$broadcast" up
  else
    undo_with remove_address "$device" "$2"
    run ip addr add "$2" broadcast "$(broadcast_of "$address" "$prefix")" dev "$device"
  fi
  remember "address $2"
}

remove_address() {
  local device=$1 address=${2%/*} labelled
  if [ -n "$(prefix_on "$device" "$address")" ]; then
    # `ifconfig eth0 0.0.0.0` takes the first address labelled eth0, so only where that is the one meant.
    labelled=$(labels_on "$device" | awk -v device="$device" '$1 == device { print $2 }')
    if [ "$TOOLS" = net-tools ] && [ "$labelled" = "$address" ]; then
      run ifconfig "$device" 0.0.0.0
    else
      run ip addr del "$2" dev "$device"
    fi
  fi
  forget "address $2"
}

# --- virtual IPs ---

# add_vip DEVICE VIP: the alias DEVICE:N and its host route, as in the article.
add_vip() {
  local device=$1 vip=$2 found
  found=$(prefix_on "$device" "$vip")
  if is_ipv6 "$vip"; then add_vip6 "$device" "$vip" "$found"; return; fi
  if [ -z "$found" ]; then
    add_alias "$device" "$vip"
  elif [ "$found" != 32 ]; then
    die "$device has $vip as /$found: a virtual IP is a /32 of its own; remove it there first"
  fi
  if ! has_host_route "$device" "$vip"; then add_host_route "$device" "$vip"; fi
  remember "vip $(canonical "$vip")"
}

# ifconfig sets the address before its netmask, so for some microseconds the kernel takes the class of the
# address for its network (on lo: all of 172.26.0.0/16 as local). ip does not; --tools iproute2 where that
# matters.
add_alias() {
  choose_label "$1"
  undo_with remove_vip "$1" "$2"
  if [ "$TOOLS" = net-tools ]; then
    run ifconfig "$LABEL" "$2" netmask 255.255.255.255 broadcast "$2" up
  else
    run ip addr add "$2/32" broadcast "$2" dev "$1" label "$LABEL"
  fi
}

# Does nothing on today's kernels that the local table has not done already; it is there because the article's
# hosts have it.
add_host_route() {
  undo_with remove_host_route "$1" "$2"
  if [ "$TOOLS" = net-tools ]; then
    run route add -host "$2" dev "${LABEL:-$(label_of "$1" "$2")}"
  else
    run ip route add "$2/32" dev "$1" scope link src "$2"
  fi
}

# The kernel adds the /128 route itself. nodad: a virtual IP that waits a second, or gives up because another
# host claims it, would stop the service; ifconfig cannot say nodad, so this is ip's with both tool sets.
# preferred_lft 0: the host never takes it as its source. Real servers hold the address themselves, and would answer
# the director's own questions (health checks, say) to themselves.
add_vip6() {
  [ -z "$3" ] || [ "$3" = 128 ] || die "$1 has $2 as /$3: a virtual IP is a /128 of its own; remove it there first"
  if [ -z "$3" ]; then
    undo_with remove_vip "$1" "$2"
    run ip -6 addr add "$2/128" dev "$1" nodad preferred_lft 0
  fi
  remember "vip $(canonical "$2")"
}

# Sets LABEL to --alias or the first free DEVICE:N. ifconfig on a label in use would replace its address.
choose_label() {
  local number taken
  taken=" $(labels_on "$1" | awk '{ print $1 }' | tr '\n' ' ') ${LABELS_GIVEN[*]} "
  number=${ALIAS##*:}
  LABEL=$1:${number:-0}
  if [ -n "$ALIAS" ] && [ ${#LABELS_GIVEN[@]} -eq 0 ] && [[ $taken == *" $LABEL "* ]]; then
    die "$LABEL holds another address: leave out --alias for the first free one, or take that address away"
  fi
  while [[ $taken == *" $LABEL "* ]]; do
    number=$((${number:-0} + 1))
    LABEL=$1:$number
  done
  [ ${#LABEL} -le 15 ] || die "the alias $LABEL would be longer than 15 characters: give $1 a shorter name"
  LABELS_GIVEN+=("$LABEL")
}

# Only a /32 or /128 is a virtual IP: anything else is an address the host lives by.
remove_vip() {
  local device=$1 vip=$2 found
  found=$(prefix_on "$device" "$vip")
  if is_ipv6 "$vip"; then
    if [ "$found" = 128 ]; then run ip -6 addr del "$vip/128" dev "$device"; fi
  else
    remove_host_route "$device" "$vip"
    if [ "$found" = 32 ]; then remove_alias "$device" "$vip"; fi
  fi
  case $found in
    '' | 32 | 128) forget "vip $(canonical "$vip")" ;;
    *) warn "$vip/$found stays on $device: a virtual IP would be a /32 or /128" ;;
  esac
}

remove_alias() {
  local label
  label=$(label_of "$1" "$2")
  if [ "$TOOLS" = net-tools ] && [[ $label == *:* ]]; then
    run ifconfig "$label" down
  else # without an alias, ifconfig could only take the whole device down
    run ip addr del "$2/32" dev "$1"
  fi
}

remove_host_route() {
  if ! has_host_route "$1" "$2"; then return 0; fi
  if [ "$TOOLS" = net-tools ]; then run route del -host "$2" dev "$1"; else run ip route del "$2/32" dev "$1"; fi
}
