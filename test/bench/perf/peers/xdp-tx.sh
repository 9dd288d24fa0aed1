# SPDX-License-Identifier: MIT
# the floor: write two MACs, XDP_TX
peer_up() { ind $PF attach $B/fwd.o fwd_tx pfd0; }
peer_down() { :; }
