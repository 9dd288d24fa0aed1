# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: MIT
# Testbed: two namespaces and a veth pair. Frames go out of pfc0, the peer under test has pfd0 and sends them back there.
#   pf-c: pfc0 <-> pfd0 :pf-d
# A peer is a file with peer_up and peer_down, which use what stands here; KIND is udp, syn or ack.
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
B=${OUT:-/tmp/director-perf}                # what make builds
PF=$B/pf
BP=/run/director-perf-bpf                   # a bpffs; that below /sys is out of sight after `ip netns exec`
VIP=10.100.0.100 DMAC=02:50:00:00:00:02 RSMAC=02:50:00:00:00:1   # real servers: RSMAC and 1 to 4
inc() { nsenter --net=/run/netns/pf-c "$@"; }
ind() { nsenter --net=/run/netns/pf-d "$@"; }

# One at a time: the testbed belongs to the process that asked for it, as long as that lives.
tb_wait() {
	local owner
	owner=$(cat "$B/owner" 2>/dev/null)
	while [ -n "$owner" ] && [ "$owner" != $PPID ] && kill -0 "$owner" 2>/dev/null && [ -e /run/netns/pf-d ]; do
		echo "waiting for process $owner, which has the testbed" >&2
		sleep 5
		owner=$(cat "$B/owner" 2>/dev/null)
	done
	mkdir -p "$B"
	echo $PPID >"$B/owner"
}
tb_up() {
	local namespace device
	tb_wait
	tb_down
	for namespace in pf-c pf-d; do ip netns add $namespace || return 1; done
	ip link add pfc0 netns pf-c address 02:50:00:00:00:01 type veth peer name pfd0 netns pf-d address $DMAC || return 1
	for device in "pf-c pfc0" "pf-d pfd0"; do
		set -- $device
		nsenter --net="/run/netns/$1" sh -ec "sysctl -qw net.ipv6.conf.$2.disable_ipv6=1
			ip link set $2 arp off; ethtool -K $2 gro off >/dev/null 2>&1; ip link set $2 up" || return 1
	done
	mkdir -p $BP
	mountpoint -q $BP || mount -t bpf none $BP
}
tb_down() {
	local namespace
	for namespace in pf-c pf-d; do ip netns del $namespace 2>/dev/null; done
	! mountpoint -q $BP || { umount $BP && rmdir $BP; }
	return 0
}
tb_clean() { # bare devices again
	ind "$PF" detach pfd0
	inc "$PF" detach pfc0
	ind nft flush ruleset
	rm -rf $BP/sink $BP/lb $BP/director
}
sink() { inc "$PF" attach "$B/sink.o" "${1:-sink_drop}" pfc0 $BP/sink; }
# veth takes XDP frames only with NAPI on: for peers without a program of their own
napi_in() { ind "$PF" attach "$B/sink.o" xdp_pass pfd0; }
