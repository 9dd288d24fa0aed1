# SPDX-License-Identifier: MIT
# the least that AF_PACKET takes, in C: TPACKET_V3 in, TX ring out, two MACs written; core 1
peer_up() {
	napi_in
	# after the packet tap, keep the frames from the IP stack
	ind nft -f - <<X
table netdev pf {
	chain in {
		type filter hook ingress device "pfd0" priority 0; policy drop;
	}
}
X
	nsenter --net=/run/netns/pf-d "$B/afpfwd" pfd0 pfd0 1 &
	peer_pid=$!
}
peer_down() { kill -TERM "$peer_pid"; wait "$peer_pid" 2>/dev/null; peer_pid=; ind nft flush ruleset; }
