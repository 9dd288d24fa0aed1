# SPDX-License-Identifier: MIT
# the least that the cap package takes: receive, write two MACs, send; core 1
. "$(dirname "${BASH_SOURCE[0]}")/afpacket.sh"
eval "afpacket_$(declare -f peer_up | sed '/afpfwd/,$d')
}"
peer_up() {
	afpacket_peer_up
	taskset -c 1 nsenter --net=/run/netns/pf-d node "$HERE/../bare-cap.mjs" pfd0 $DMAC ${RSMAC}1 &
	peer_pid=$!
	sleep 0.5
}
