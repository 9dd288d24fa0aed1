# shellcheck shell=bash
# Addresses as text: is it one, may it be a virtual IP, what are its netmask and broadcast address. Nothing
# here looks at the host.

is_ipv4() {
  local octet octets
  [[ $1 =~ ^(0|[1-9][0-9]{0,2})(\.(0|[1-9][0-9]{0,2})){3}$ ]] || return 1
  IFS=. read -ra octets <<<"$1"
  for octet in "${octets[@]}"; do ((octet <= 255)) || return 1; done
}

# RFC 4291 §2.2, forms 1 and 2: eight groups, or fewer around one `::`.
is_ipv6() {
  local group groups count=0 shortened=no
  [[ $1 =~ ^[0-9a-fA-F:]{2,39}$ && $1 != *:::* && $1 != *::*::* ]] || return 1
  if [[ $1 == *::* ]]; then shortened=yes; fi
  if [[ $1 =~ ^:[^:] || $1 =~ [^:]:$ ]]; then return 1; fi
  IFS=: read -ra groups <<<"$1"
  for group in "${groups[@]}"; do
    if [ ${#group} -gt 4 ]; then return 1; fi
    if [ -n "$group" ]; then count=$((count + 1)); fi
  done
  if [ $shortened = yes ]; then ((count <= 7)); else ((count == 8)); fi
}

ipv4_number() {
  local a b c d
  IFS=. read -r a b c d <<<"$1"
  echo $(((a << 24) | (b << 16) | (c << 8) | d))
}

ipv4_text() { echo "$(($1 >> 24 & 255)).$(($1 >> 16 & 255)).$(($1 >> 8 & 255)).$(($1 & 255))"; }

# netmask_of PREFIX: 24 -> 255.255.255.0
netmask_of() { ipv4_text $(((0xffffffff << (32 - $1)) & 0xffffffff)); }

# broadcast_of ADDRESS PREFIX
broadcast_of() { ipv4_text $(($(ipv4_number "$1") | (0xffffffff >> $2))); }

network_of() { ipv4_text $(($(ipv4_number "$1") & (0xffffffff << (32 - $2)) & 0xffffffff)); }

# One spelling for each address, to compare with: IPv6 in eight groups, without ::.
canonical() {
  local group groups last=() text=
  if is_ipv4 "$1"; then echo "$1"; return; fi
  IFS=: read -ra groups <<<"${1%%::*}"
  if [[ $1 == *::* ]]; then IFS=: read -ra last <<<"${1#*::}"; fi
  while ((${#groups[@]} + ${#last[@]} < 8)); do groups+=(0); done
  for group in "${groups[@]}" "${last[@]}"; do text+=$(printf ':%x' "0x$group"); done
  echo "${text#:}"
}

# Why an address can be nobody's unicast address; nothing if it can.
unicast_fault() {
  case $1 in
    0.* | ::) echo 'is the unspecified address' ;;
    127.* | ::1) echo 'is a loopback address' ;;
    22[4-9].* | 23[0-9].* | [fF][fF]??:*) echo 'is a multicast address' ;;
    24[0-9].* | 25[0-5].*) echo 'is a reserved or broadcast address' ;;
    [fF][eE][89abAB]?:*) echo 'is a link-local address' ;;
  esac
}

# check_vip OPTION VALUE
check_vip() {
  local fault
  if [[ $2 == */* ]]; then usage_error "$1 $2: a virtual IP stands alone; write $1 ${2%%/*}"; fi
  if [[ $2 =~ ^[0-9.]+:[0-9]*$ ]] && is_ipv4 "${2%:*}"; then
    usage_error "$1 $2: a virtual IP has no port; write $1 ${2%:*}"
  fi
  if [[ $2 =~ ^\[([0-9a-fA-F:]+)\](:.*)?$ ]]; then
    usage_error "$1 $2: a virtual IP has no brackets and no port; write $1 ${BASH_REMATCH[1]}"
  fi
  is_ipv4 "$2" || is_ipv6 "$2" || usage_error "$1 $2: no IPv4 or IPv6 address; write it like 172.26.20.110"
  fault=$(unicast_fault "$2")
  [ -z "$fault" ] || usage_error "$1 $2: $fault; a virtual IP must be unicast, like 172.26.20.110"
}

# check_address OPTION VALUE: the host's own address with its prefix length.
check_address() {
  local address=${2%/*} prefix=${2##*/} fault
  [[ $2 == */* ]] || usage_error "$1 $2: lacks the prefix length of its network; write it like $2/24"
  is_ipv4 "$address" || is_ipv6 "$address" ||
    usage_error "$1 $2: $address is no IPv4 or IPv6 address; write it like 172.26.20.111/24"
  fault=$(unicast_fault "$address")
  [ -z "$fault" ] || usage_error "$1 $2: $address $fault; give the host's own address, like 172.26.20.111/24"
  if is_ipv6 "$address"; then
    [[ $prefix =~ ^[1-9][0-9]{0,2}$ && $prefix -le 128 ]] ||
      usage_error "$1 $2: prefix length $prefix is outside 1..128; write it like $address/64"
    return 0
  fi
  [[ $prefix =~ ^[1-9][0-9]?$ && $prefix -le 30 ]] ||
    usage_error "$1 $2: prefix length $prefix is outside 1..30; write it like $address/24"
  if [ "$address" = "$(network_of "$address" "$prefix")" ] || [ "$address" = "$(broadcast_of "$address" "$prefix")" ]
  then
    usage_error "$1 $2: $address names the network itself or all of it; give the host's own address"
  fi
}
