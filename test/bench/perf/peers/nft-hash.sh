# SPDX-License-Identifier: MIT
# nft DSR by a hash of the flow: the rules that nftlb 1.0.7 writes for mode dsr, scheduler hash
peer_up() {
	local protocol=tcp
	[ "$KIND" != udp ] || protocol=udp
	napi_in
	ind nft -f - <<X
table netdev nftlb {
	map services {
		type inet_proto . ipv4_addr . inet_service : verdict
	}
	chain ingress {
		type filter hook ingress device "pfd0" priority 101; policy accept;
		ip protocol . ip daddr . th dport vmap @services
	}
	chain vs1 {
		ether saddr set $DMAC ether daddr set jhash ip saddr . $protocol sport mod 4 map { 0: ${RSMAC}1, 1: ${RSMAC}2, 2: ${RSMAC}3, 3: ${RSMAC}4 } fwd to "pfd0"
	}
}
add element netdev nftlb services { $protocol . $VIP . 80 : goto vs1 }
X
}
peer_down() { ind nft flush ruleset; }
