# SPDX-License-Identifier: MIT
# nft DSR with a flow table of 65,535 (IPVS's is without bound): the rules that nftlb 1.0.7 writes for mode dsr,
# scheduler rr, persistence by address and port
peer_up() {
	local protocol=tcp flow
	[ "$KIND" != udp ] || protocol=udp
	flow="ip saddr . $protocol sport"
	napi_in
	ind nft -f - <<X
table netdev nftlb {
	map services {
		type inet_proto . ipv4_addr . inet_service : verdict
	}
	map static {
		type ipv4_addr . inet_service : ether_addr
	}
	map persist {
		type ipv4_addr . inet_service : ether_addr
		size 65535
		timeout 1m
	}
	chain ingress {
		type filter hook ingress device "pfd0" priority 101; policy accept;
		ip protocol . ip daddr . th dport vmap @services
	}
	chain vs1 {
		ether daddr set $flow map @static ether saddr set $DMAC fwd to "pfd0"
		ether daddr set $flow map @persist ether saddr set $DMAC update @persist { $flow : ether daddr } fwd to "pfd0"
		ether saddr set $DMAC ether daddr set numgen inc mod 4 map { 0: ${RSMAC}1, 1: ${RSMAC}2, 2: ${RSMAC}3, 3: ${RSMAC}4 } update @persist { $flow : ether daddr } fwd to "pfd0"
	}
}
add element netdev nftlb services { $protocol . $VIP . 80 : goto vs1 }
X
}
peer_down() { ind nft flush ruleset; }
