#!/bin/bash
# SPDX-License-Identifier: MIT
# one.sh up | down
# one.sh run PEERFILE SECONDS "KIND:FLOWS ..."  prints for each case: kind flows frames/s others gen_share ksoftirqd_share
#     others: cores used by anything else meanwhile. A window in which the generator did not have its core is taken
#     again, TRIES times. FLOWS 0: every frame a new flow; the peer is started anew for each window, so that it has room.
# one.sh spread PEERFILE KIND FLOWS             prints frames by last byte of the destination MAC
# one.sh rtt PEERFILE [COUNT]                   prints for same and new flows: mode p50 p90 p99 lost (microseconds)
# one.sh steady PEERFILE RATE SECONDS FLOWS     UDP frames at so many a second; prints: sent, back, without
#     a place in its ring
# one.sh idle PEERFILE SECONDS ROUNDS           prints for each round: per cent of a core that it takes without a frame, that
#     its children take, and that a Node.js process takes which has nothing but a timer of 50 ms
# one.sh ns PEERFILE ROUNDS "KIND:FLOWS ..."    prints: kind flows program ns_middle ns_low ns_high, program being
#     nothing (what the measuring costs), lb-arr and peer, in turns; ns of the XDP program alone, with frames from memory
# one.sh takeover director TIMES                prints for each: milliseconds until a new daemon tends what a killed one left, connections
# one.sh watching PEERFILE ROUNDS SECONDS       prints for each round what somebody waited for who asks every second
#     (../watching/ask.ts), then: forwarded, what `run` says of a window without that, and of one with it
# one.sh load MIB...                            prints for each: MIB ns, what a load from a random place of so much memory takes
# one.sh memory PEERFILE                        prints: bytes of the maps of its XDP program, bytes that are its daemon's alone
. "$(dirname "$0")/lib.sh"
command=$1 peer=$2
started= peer_pid= idler= # peer_pid: of a peer that has a daemon; idler: of a Node.js that idles

start() { # [SINK]
	tb_clean
	sink "$1" || exit 1
	started=1
	start_peer
}
start_peer() { peer_up >"$B/up.log" 2>&1 || { echo "$peer did not start:" >&2; tail -n 20 "$B/up.log" >&2; exit 1; }; }
stop() {
	[ -n "$started" ] || return 0
	started=
	peer_down >/dev/null 2>&1
	tb_clean
}
load_peer() {
	case $peer in */*) . "$peer" ;; *) . "$HERE/peers/$peer.sh" ;; esac || exit 1
	trap stop EXIT
}
# 0.3 s to open the flows and warm up, then SECONDS that count
window() { # SECONDS
	local gen ksoftirqd
	ksoftirqd=$(pgrep -x ksoftirqd/0)
	nsenter --net=/run/netns/pf-c "$B/gen" "$B/gen.o" pfc0 "$KIND" "$flows" "$(awk "BEGIN { print $1 + ${SLACK:-0.35} }")" >"$B/gen.out" &
	gen=$!
	sleep 0.3
	"$PF" rate $BP/sink "$1" $gen "$ksoftirqd"
	wait $gen
}
measure() { # SECONDS CASE...
	local seconds=$1 case try row last='' KIND flows
	shift
	for case; do
		KIND=${case%%:*} flows=${case##*:}
		for try in $(seq "${TRIES:-1}"); do
			if [ "$KIND" != "$last" ] || [ "$flows" = 0 ]; then stop; start; last=$KIND; fi
			row=$(window "$seconds")
			awk '{ exit !($3 + $4 > 0.94) }' <<<"$row" && break
			[ "$try" = "${TRIES:-1}" ] || sleep 0.$((RANDOM % 9))
		done
		echo "$KIND $flows $row"
	done
}
# Without XDP and NAPI, whose queues on a veth hold 256 frames: what is lost here the peer has lost.
steady() { # RATE SECONDS FLOWS
	local before sent
	napi_in() { :; }
	started=1
	tb_clean
	start_peer
	inc "$B/pace" pfc0 100000 3 "$3" >/dev/null # until its code is compiled
	sleep 4 # until the process that stands by has loaded
	before=$(frames_back)
	sent=$(inc "$B/pace" pfc0 "$@") || exit 1
	sleep 2
	echo "$sent $(($(frames_back) - before)) $(unseen)"
}
# Frames that a director says found no place in its ring.
unseen() { director status 2>/dev/null | awk '$1 == "DropRingFull" { count = $2 } END { print count + 0 }'; }
frames_back() { inc cat /proc/net/dev | awk '$1 == "pfc0:" { print $3 }'; }
cpu_ms() { # PID...: of all their threads
	local pid
	for pid; do cat /proc/"$pid"/task/*/schedstat; done | awk '{ sum += $1 } END { print int(sum / 1e6) }'
}
idle() { # SECONDS ROUNDS
	local children before
	start
	taskset -c 1 node -e 'setInterval(() => {}, 50)' &
	idler=$!
	trap 'kill $idler; stop' EXIT
	sleep 80 # a minute without a frame, and until all is loaded and compiled
	mapfile -t children < <(pgrep -P "$peer_pid")
	for _ in $(seq "$2"); do
		before="$(cpu_ms "$peer_pid") $(cpu_ms "${children[@]}") $(cpu_ms $idler)"
		sleep "$1"
		echo "$before $(cpu_ms "$peer_pid") $(cpu_ms "${children[@]}") $(cpu_ms $idler)" |
			awk "{ print (\$4 - \$1) / $1 / 10, (\$5 - \$2) / $1 / 10, (\$6 - \$3) / $1 / 10 }"
	done
}
watching() { # ROUNDS SECONDS
	local asker='' without with KIND=ack flows=1000 SLACK=1.5
	start
	(ask settle) || exit 1
	trap 'kill $asker 2>/dev/null; stop' EXIT
	for _ in $(seq "$1"); do
		without=$(window_with_core "$2")
		ask each-second >"$B/asked.out" &
		asker=$!
		sleep 2 # it has begun, and asked once
		with=$(window_with_core "$2")
		kill -TERM $asker
		wait $asker || exit 1
		cat "$B/asked.out"
		echo "forwarded $without $with"
	done
}
window_with_core() { # of which the generator had a good part, if it has it at all
	local row
	for _ in $(seq 5); do
		row=$(window "$1")
		awk '{ exit !($3 + $4 > 0.3) }' <<<"$row" && break
	done
	echo "$row"
}
# It is the director's processes that may be disturbed by whoever asks, not the generator.
ask() { exec taskset -c "${ASK_CORES:-1}" node "$director_dist/../test/bench/watching/ask.js" "$director_socket" "$director_dist" "$@"; }
attached() { ip -n pf-d -d link show pfd0 | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'; }
program_ns() { # ROUNDS CASE...
	local rounds=$1 round case target repeat row KIND flows
	shift
	start
	ind "$B/lb" "$B/lb.o" - $BP/lb || exit 1
	for round in $(seq "$rounds"); do for case; do for target in nothing "lb-arr pin:$BP/lb/prog" "peer id:$(attached)"; do
		KIND=${case%%:*} flows=${case##*:}
		repeat=300000
		[ "$flows" != 0 ] || repeat=10000 # so that a table of a million does not fill
		row=$(ind "$B/xdpns" "$B/wrap.o" pfd0 "$KIND" "$flows" $repeat 10.$((128 + round)).0.0 "${target#* }") || exit 1
		[[ $row = *" 3" || $target = nothing ]] || { echo "$target $case: returned ${row##* }, not XDP_TX" >&2; exit 1; }
		echo "$KIND $flows ${target% *} ${row% *}"
	done; done; done
}
memory() {
	local maps
	maps=$(bpftool -j prog show id "$(attached)" | sed -n 's/.*"map_ids":\[\([0-9,]*\)\].*/\1/p') || exit 1
	bpftool -j map show | python3 -c "
import json, sys
print(sum(m['bytes_memlock'] for m in json.load(sys.stdin) if m['id'] in [$maps]), end=' ')"
	[ -n "$peer_pid" ] || { echo 0; return; }
	awk '/^RssAnon/ { print $2 * 1024 }' "/proc/$peer_pid/status"
}

case $command in
up) tb_up ;;
down) tb_down ;;
run) load_peer; measure "$3" $4 ;;
spread)
	load_peer
	KIND=$3 flows=$4
	start sink_spread
	window 0.3 >/dev/null
	"$PF" spread $BP/sink
	;;
rtt)
	load_peer
	KIND=udp
	start xdp_pass
	for mode in same new; do echo "$mode $(inc "$B/rtt" pfc0 "${3:-2000}" $mode)"; done
	;;
steady) load_peer; KIND=udp; steady "${@:3}" ;;
idle) load_peer; KIND=udp; idle "$3" "$4" ;;
ns) load_peer; program_ns "$3" $4 ;;
load) "$B/load" "${@:2}" ;;
takeover)
	load_peer
	start
	for _ in $(seq "$3"); do director_takeover || exit 1; done
	;;
watching) load_peer; watching "$3" "$4" ;;
memory)
	load_peer
	start
	memory
	;;
*) sed -n '3,/^\./{s/^# \{0,1\}//;/^\./d;p}' "$0"; exit 2 ;;
esac
