# shellcheck shell=bash
# shellcheck disable=SC2034 # VIP4 and VIP6 are read in the other files of the lab
# The wires of the lab: a network namespace for each host, its eth0 on a bridge in a namespace of its own.
# Nothing is made in the namespace the lab is started from.
#
#   client .100      director .111      rs1 .112      rs2 .113        172.26.20.0/24, fd00:172:26:20::/64
#      eth0              eth0              eth0          eth0
#       └───── client ─── director ───────── rs1 ───────── rs2 ── bridge lan0, all in PREFIX-lan

HOSTS=(client director rs1 rs2)
VIP4=172.26.20.110
VIP6=fd00:172:26:20::110

last_number() {
  case $1 in
    client) echo 100 ;; director) echo 111 ;; rs1) echo 112 ;; rs2) echo 113 ;;
  esac
}
ipv4_of() { echo "172.26.20.$(last_number "$1")"; }
ipv6_of() { echo "fd00:172:26:20::$(last_number "$1")"; }
# 02: locally administered; the other bytes are the IPv4 address, for the eye that reads a capture.
mac_of() { printf '02:00:ac:1a:14:%02x' "$(last_number "$1")"; }

namespace_of() { echo "$LAB-$1"; }

namespace_exists() { [ -e "/run/netns/$(namespace_of "$1")" ]; }

# inside HOST COMMAND...: with this host's network. nsenter, since `ip netns exec` hides /sys/fs/bpf.
inside() {
  local host=$1
  shift
  nsenter --net="/run/netns/$(namespace_of "$host")" "$@"
}

make_network() {
  local host
  for host in lan "${HOSTS[@]}"; do ip netns add "$(namespace_of "$host")"; done
  quiet_ipv6 lan
  # Without multicast snooping, neighbour discovery does not wait for a querier.
  inside lan ip link add lan0 type bridge mcast_snooping 0
  inside lan ip link set lan0 up
  for host in "${HOSTS[@]}"; do connect_host "$host"; done
}

connect_host() {
  quiet_ipv6 "$1"
  ip link add "$1" netns "$(namespace_of lan)" type veth \
    peer name eth0 address "$(mac_of "$1")" netns "$(namespace_of "$1")"
  inside lan ip link set "$1" master lan0 up
  inside "$1" ip link set lo up
}

# No duplicate address detection (an address would be unusable for its first second) and no router
# solicitations; interfaces made later take these values.
# shellcheck disable=SC2016 # $conf is the inner shell's
quiet_ipv6() {
  inside "$1" sh -c '
    cd /proc/sys/net/ipv6/conf
    for conf in all default; do echo 0 >$conf/accept_dad; echo 0 >$conf/router_solicitations; done'
}

# veth leaves checksums to a card that is not there and passes frames of up to 64 KB: fine between two
# kernels, not for a director that reads frames as they are. --offloads on keeps the kernel's defaults.
switch_offloads_off() {
  local host
  for host in "${HOSTS[@]}"; do
    inside "$host" ethtool -K eth0 tx off tso off gso off gro off >/dev/null
    inside lan ethtool -K "$host" tx off tso off gso off gro off >/dev/null
  done
}

# Devices go first: a namespace that a process holds open would keep its cable.
remove_network() {
  local host
  if namespace_exists lan; then
    for host in "${HOSTS[@]}" lan0; do inside lan ip link del "$host" 2>/dev/null || true; done
  fi
  for host in "${HOSTS[@]}" lan; do
    if namespace_exists "$host"; then ip netns del "$(namespace_of "$host")"; fi
  done
}
