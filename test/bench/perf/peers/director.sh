# SPDX-License-Identifier: MIT
# The director of this checkout on pfd0. What the environment may say:
#   DIRECTOR_DATAPATH   options that choose it (--datapath xdp --xdp-mode native)
#   DIRECTOR_OPTIONS    others of director run
#   DIRECTOR_TABLE      its --conn-table-size (1048576)
#   DIRECTOR_SCHEDULER  of all services (wlc)
#   DIRECTOR_SERVICES   services besides the two that are measured, udp and tcp 10.100.0.100:80 (0)
#   DIRECTOR_SERVERS    real servers of each service (4)
#   DIRECTOR_OWN        "answer" or "silent": each of those other services has servers of its own, none at the address of
#                       another one, which answer ARP, or do not (all have the same, whose MACs are given)
#   DIRECTOR_FILL       connections, of other clients, that live in the table before anything is measured (0)
#   DIRECTOR_CORES      cores that its processes may have (1)
#   DIRECTOR_DIST       folder of the built director (dist)
director_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../../.." && pwd)
director_dist=${DIRECTOR_DIST:-$director_root/dist}
director_socket=$B/director.sock
director_log=$B/director.log

director() { node "$director_dist/cli/director/main.js" --socket "$director_socket" "$@"; }

# "ADDRESS MAC" of each real server
director_servers() {
	local n
	for n in $(seq "${DIRECTOR_SERVERS:-4}"); do
		if [ "$n" -le 4 ]; then echo "10.100.0.$((10 + n)) $RSMAC$n"
		else printf '10.100.%d.%d 02:50:00:01:%02x:%02x\n' $((1 + n / 256)) $((n % 256)) $((n / 256)) $((n % 256)); fi
	done
}
director_rules() {
	director_servers | awk -v vip="$VIP" -v services="${DIRECTOR_SERVICES:-0}" -v scheduler="${DIRECTOR_SCHEDULER:-wlc}" \
		-v own="${DIRECTOR_OWN:+1}" '
		function add(service, own,  n, server) {
			print "-A", service, "-s", scheduler
			for (n = 1; n <= NR; n++) {
				server = own ? sprintf("10.102.%d.%d", 128 + (own + n) / 256, (own + n) % 256) : address[n]
				print "-a", service, "-r", server ":80 -g"
			}
		}
		{ address[NR] = $1 }
		END {
			add("-t " vip ":80"); add("-u " vip ":80")
			for (i = 1; i <= services; i++) add(sprintf("-t 10.101.%d.%d:80", i / 256, i % 256), own ? i * NR : 0)
		}' >"$B/director.rules"
}
director_address() { # of pfd0, and the neighbours
	ip -n pf-d address replace 10.100.0.1/16 dev pfd0
	ip -n pf-d address replace "$VIP/32" dev pfd0
	director_servers | sed 's/\(.*\) \(.*\)/neighbour replace \1 lladdr \2 nud permanent dev pfd0/' | ip -n pf-d -batch - || return 1
	[ -z "$DIRECTOR_OWN" ] || director_own_network
}
# pfc1 <-> pfd1: ARP of thousands on pfd0 would take its queues from the core of the generator. pf-c has all addresses of
# those servers, or none
director_own_network() {
	ip link add pfc1 netns pf-c type veth peer name pfd1 netns pf-d &&
		ip -n pf-d address add 10.102.0.1/16 dev pfd1 && ip -n pf-d link set pfd1 up &&
		ip -n pf-c link set pfc1 up || return 1
	[ "$DIRECTOR_OWN" = silent ] || { ip -n pf-c link set lo up && ip -n pf-c route add local 10.102.128.0/17 dev lo; }
}
director_wait() { # until it says that it forwards
	for _ in $(seq 100); do
		director status 2>&1 | grep -Eq '^datapath .*running' && return 0
		kill -0 "$peer_pid" 2>/dev/null || break
		sleep 0.1
	done
	cat "$director_log"
	return 1
}
director_room() { # for more than the usual
	local services=$((${DIRECTOR_SERVICES:-0} + 2)) servers
	servers=$((services * ${DIRECTOR_SERVERS:-4}))
	[ $services -le 1000 ] || echo --max-services $((services * 2))
	[ $servers -le 30000 ] || echo --max-servers $((servers * 2))
}
director_fill() {
	local live=0
	[ "${DIRECTOR_FILL:-0}" != 0 ] || return 0
	for _ in $(seq 20); do # where others have core 0, frames are lost
		inc "$B/gen" "$B/gen.o" pfc0 ack "$DIRECTOR_FILL" 0 10.192.0.0
		sleep 1 # until its processes have counted
		live=$(director status | sed -n 's/^connections *\([0-9]*\).*/\1/p')
		[ "$live" -lt $((DIRECTOR_FILL * 99 / 100)) ] || return 0
	done
	echo "only $live of $DIRECTOR_FILL connections live"
	return 1
}
director_start() {
	DIRECTOR_BPFFS=$BP/director taskset -c "${DIRECTOR_CORES:-1}" nsenter --net=/run/netns/pf-d \
		node "$director_dist/cli/director/main.js" --socket "$director_socket" run --interface pfd0 \
		${DIRECTOR_DATAPATH:---datapath xdp --xdp-mode native} --conn-table-size "${DIRECTOR_TABLE:-1048576}" $(director_room) $DIRECTOR_OPTIONS >"$director_log" 2>&1 &
	peer_pid=$!
}
peer_up() {
	director_address && director_rules || return 1
	director_start
	director_wait &&
		DIRECTOR_SOCKET=$director_socket node "$director_dist/cli/diradm/main.js" -R <"$B/director.rules" &&
		director_fill
}
# Kills the daemon and its processes; milliseconds from the start of the next one until it has taken over what forwards,
# and how many connections that has
director_takeover() {
	local children began line
	mapfile -t children < <(pgrep -P "$peer_pid")
	kill -KILL "$peer_pid" "${children[@]}"
	wait "$peer_pid" 2>/dev/null
	: >"$director_log"
	began=$(date +%s%3N)
	director_start
	for _ in $(seq 1000); do
		line=$(grep -m 1 'took over' "$director_log") && break
		sleep 0.02
	done
	[ -n "$line" ] || { cat "$director_log" >&2; return 1; }
	echo "$(($(date -d "$(sed 's/.*"time":"\([^"]*\)".*/\1/' <<<"$line")" +%s%3N) - began))" \
		"$(sed 's/.* and \([0-9]*\) connections.*/\1/' <<<"$line")"
	director_wait
}
peer_down() {
	[ -n "$peer_pid" ] || return 0
	kill -TERM "$peer_pid"
	for _ in $(seq 100); do
		kill -0 "$peer_pid" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL "$peer_pid"
	peer_pid=
	[ -z "$DIRECTOR_OWN" ] || ip -n pf-d link delete pfd1
	ip -n pf-d address flush dev pfd0
}
