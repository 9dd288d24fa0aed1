# SPDX-License-Identifier: MIT
# nobody: generator, veth, XDP_DROP. What the rig itself costs.
peer_up() { ind $PF attach $B/sink.o sink_drop pfd0 $BP/sink; }
peer_down() { :; }
