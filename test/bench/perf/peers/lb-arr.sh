# SPDX-License-Identifier: MIT
# the reference balancer of bpf/lb.bpf.c
peer_up() { ind $B/lb $B/lb.o pfd0 $BP/lb; }
peer_down() { :; }
