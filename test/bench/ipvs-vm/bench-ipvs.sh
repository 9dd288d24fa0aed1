#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs INSIDE the guest of run.sh. Proves that IPVS direct routing, nft DSR and other balancers deliver TCP to both real
# servers, then measures what one forwarded frame costs through each, on one CPU.
#
#   bench-ipvs.sh [--proof-only|--no-proof] [--only LIST] [--kinds "ack udp syn"] [--topo "wire onearm"]
#                 [--frames N] [--rounds N] [--flows N] [--build DIR] [--lb NAME=COMMAND]...
#
#   --only   comma-separated out of gen-drop,xdp-floor,ipvs-dr,nft-dsr and the NAMEs
#   --kinds  ack = established TCP flows (a SYN each first), udp, syn = every frame a new flow
#   --topo   wire = the director has one device to the clients and one to the real servers; onearm = one for both
#   --lb     another balancer: COMMAND runs in the director's network namespace, prints a line with READY once it forwards,
#            and ends on SIGTERM. It gets IV_IN IV_OUT (devices; the same one in onearm and in the proof), IV_VIP IV_PORT,
#            IV_MAC (of IV_OUT), IV_RS ("ip=mac ip=mac"), IV_TOPO, IV_KIND
#
# The frames come as XDP frames, as from a driver; an skb is made only for who needs one. GRO is off and an XDP program
# that only passes keeps NAPI on for those: the kindest to them with flows of one packet.
# A line per case: NAME ns_per_pkt= ns_min= ns_max= net_ns= loss_pct= rs1_pct= rounds= kind= flows= topo= clock=. ns_per_pkt is
# all that happens to a frame on that CPU, net_ns what is left without gen-drop's (the same generator, dropped on the
# director's device). With clock=icount "ns" are instructions; with clock=wall they are time under emulation.
set -uo pipefail
here=$(dirname "$(realpath "$0")")
proof=1 measure=1 only='' kinds=ack topos=wire frames=40000 rounds=7 flows=1000 lbs=()
build=${IV_BUILD:-/var/tmp/director-vm/build}
die() { echo "bench-ipvs: $*" >&2; exit 2; }
while [ $# -gt 0 ]; do case $1 in
  --proof-only) measure=0; shift;; --no-proof) proof=0; shift;;
  --only) only=,$2,; shift 2;; --kinds) kinds=$2; shift 2;; --topo) topos=$2; shift 2;;
  --frames) frames=$2; shift 2;; --rounds) rounds=$2; shift 2;; --flows) flows=$2; shift 2;;
  --build) build=$2; shift 2;; --lb) lbs+=("$2"); shift 2;;
  -h|--help) sed -n '3,/^set -/{s/^# \{0,1\}//;/^set -/d;p}' "$0"; exit 0;;
  *) die "unknown option $1";; esac; done
[ "${IPVS_VM:-}" = 1 ] || die "meant for the guest of run.sh (it makes namespaces and loads kernel modules)"
clock=wall; [ "${IPVS_VM_ICOUNT:-0}" = 1 ] && clock=icount
need=()
for pair in ipvsadm=ipvsadm nft=nftables ethtool=ethtool curl=curl; do command -v "${pair%%=*}" >/dev/null || need+=("${pair#*=}"); done
[ ${#need[@]} = 0 ] || die "Debian packages are missing; try: apt-get install -y --no-install-recommends ${need[*]}"
[ -x "$build/iv" ] || die "no generator in $build: make -C $here OUT=$build"
# ip netns exec mounts a /sys of its own, without a bpf file system: one that every namespace sees
BPFFS=/run/iv-bpf; mkdir -p $BPFFS; mountpoint -q $BPFFS || mount -t bpf bpf $BPFFS || die "no bpf file system"
IV=$build/iv OBJ=$build/iv.o PIN=$BPFFS/iv
VIP=10.200.0.1 PORT=80 RIP1=10.50.0.11 RIP2=10.50.0.12 RM1=02:00:00:00:01:11 RM2=02:00:00:00:01:12
CM=02:00:00:00:00:01 DM=02:00:00:00:00:02 bad=0
pids=()
n() { local ns=$1; shift; if [ "$1" = ip ]; then shift; ip -n "$ns" "$@"; else ip netns exec "$ns" "$@"; fi; }
down() {
  local p
  for p in "${pids[@]}"; do kill -- "-$p" 2>/dev/null || kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
  pids=()
  for p in client director rs rs1 rs2 lan; do ip netns del "$p" 2>/dev/null; done
  rm -rf "$PIN"
}
trap down EXIT
ns() { # NAME [net.ipv4.conf.all key=value]...
  local name=$1; shift; ip netns add "$name"
  n "$name" sh -c 'cd /proc/sys/net; ip link set lo up
    for c in all default; do echo 0 > ipv4/conf/$c/rp_filter; echo 0 > ipv4/conf/$c/send_redirects; echo 1 > ipv6/conf/$c/disable_ipv6; done
    for a; do echo "${a#*=}" > "ipv4/conf/all/${a%%=*}"; done' - "$@"
}
wants() { [ -z "$only" ] || [[ $only == *,$1,* ]]; }

# ---- the balancers
ipvs_rules() {
  local p
  for p in -t -u; do
    n director ipvsadm -A $p $VIP:$PORT -s rr
    n director ipvsadm -a $p $VIP:$PORT -r $RIP1:$PORT -g; n director ipvsadm -a $p $VIP:$PORT -r $RIP2:$PORT -g
  done
}
nft_rules() { # IN OUT MAC: what nftlb writes for mode dsr, scheduler hash
  n director nft -f - <<N
table netdev dsr {
  map services { type ipv4_addr . inet_proto . inet_service : verdict; elements = { $VIP . tcp . $PORT : goto vs, $VIP . udp . $PORT : goto vs } }
  chain vs {
    ether saddr set $3 ether daddr set jhash ip saddr . th sport mod 2 map { 0 : $RM1, 1 : $RM2 } fwd to "$2"
  }
  chain in {
    type filter hook ingress device "$1" priority 0; policy accept;
    ip daddr . ip protocol . th dport vmap @services
  }
}
N
}
lb_start() { # NAME=COMMAND IN OUT MAC TOPO KIND
  local log; log=$(mktemp)
  IV_IN=$2 IV_OUT=$3 IV_VIP=$VIP IV_PORT=$PORT IV_MAC=$4 IV_RS="$RIP1=$RM1 $RIP2=$RM2" IV_TOPO=$5 IV_KIND=$6 BPFFS=$BPFFS \
    setsid ip netns exec director bash -c "${1#*=}" > "$log" 2>&1 & pids+=($!)
  for _ in $(seq 1 3000); do # Node starts slowly under emulation
    grep -q READY "$log" && return 0
    kill -0 "${pids[-1]}" 2>/dev/null || break
    sleep 0.1
  done
  echo "bench-ipvs: ${1%%=*} did not get READY:" >&2; tail -n 20 "$log" >&2; return 1
}

# ---- proof: one LAN, two real servers, curl
lan() {
  down; local h m a; ns lan; n lan ip link add br0 type bridge; n lan ip link set br0 up
  for h in client director rs1 rs2; do
    case $h in rs*) ns $h arp_ignore=1 arp_announce=2;; *) ns $h;; esac
    ip link add "p-$h" netns lan type veth peer name eth0 netns $h
    n lan ip link set "p-$h" master br0 up; n lan ethtool -K "p-$h" gro on >/dev/null
    case $h in client) m=$CM a=10.50.0.1;; director) m=$DM a=10.50.0.2;; rs1) m=$RM1 a=$RIP1;; rs2) m=$RM2 a=$RIP2;; esac
    n $h ip link set eth0 address $m; n $h ip addr add $a/24 dev eth0; n $h ip link set eth0 up
    n $h ethtool -K eth0 tx off tso off gso off >/dev/null 2>&1
  done
  n lan "$IV" attach "$OBJ" pass p-director native # XDP_TX on a veth needs a program on its peer
  n client ip route add $VIP/32 via 10.50.0.2
  n director ip addr add $VIP/32 dev lo
  for h in rs1 rs2; do
    n $h ip addr add $VIP/32 dev lo
    mkdir -p "/tmp/www-$h"; echo "$h" > "/tmp/www-$h/index.html"
    setsid ip netns exec $h busybox httpd -f -p $PORT -h "/tmp/www-$h" & pids+=($!)
  done
  sleep 0.5
}
prove() { # NAME
  local who ok=fail
  who=$(for _ in $(seq 12); do n client curl -s --max-time 5 http://$VIP:$PORT/ || echo FAIL; done | sort | uniq -c | awk '{printf "%s%s=%s",(NR>1?" ":""),$2,$1}')
  [[ $who == *rs1=* && $who == *rs2=* && $who != *FAIL* ]] && ok=ok
  echo "proof $1 $ok $who"
  [ $ok = ok ] || bad=1
}
if [ $proof = 1 ]; then
  if wants ipvs-dr; then lan; ipvs_rules; prove ipvs-dr; fi
  if wants nft-dsr; then lan; nft_rules eth0 eth0 $DM; prove nft-dsr; fi
  for l in "${lbs[@]}"; do wants "${l%%=*}" || continue
    lan
    if lb_start "$l" eth0 eth0 $DM proof ack; then prove "${l%%=*}"; else echo "proof ${l%%=*} fail not-ready"; bad=1; fi
  done
  down
fi
[ $measure = 1 ] || exit $bad

# ---- measurement
# wire: client c0 -- d0 director d1 -- s0 rs (counts by destination MAC and drops, native XDP)   onearm: the sink is on c0
wire() { # TOPO
  down; ns client; ns director; ns rs
  ip link add c0 netns client type veth peer name d0 netns director
  n client ip link set c0 address $CM; n director ip link set d0 address $DM
  if [ "$1" = wire ]; then
    ip link add d1 netns director type veth peer name s0 netns rs
    n director ip link set d1 address 02:00:00:00:00:03; n rs ip link set s0 address $RM1
    n rs ip link set s0 up; out=d1 omac=02:00:00:00:00:03
    n rs "$IV" attach "$OBJ" sink_drop s0 native $PIN
  else
    out=d0 omac=$DM
    n client "$IV" attach "$OBJ" sink_drop c0 native $PIN
  fi
  n client ip link set c0 up; n director ip link set d0 up; n director ip link set $out up
  n director ip addr add 10.100.255.253/16 dev d0
  n director ip addr add 10.50.0.2/24 dev $out
  n director ip addr add $VIP/32 dev lo
  n director ip neigh replace $RIP1 lladdr $RM1 nud permanent dev $out
  n director ip neigh replace $RIP2 lladdr $RM2 nud permanent dev $out
}
napi() { n director "$IV" attach "$OBJ" pass d0 native; }
stats() { # NAME KIND FLOWS TOPO < "round ..." lines
  awk -v name="$1" -v kind="$2" -v flows="$3" -v topo="$4" -v clock=$clock -v base="$base" '
    $1=="round" { for (i=2;i<=NF;i++) { split($i,kv,"="); v[kv[1]]=kv[2] }
      sent+=v["sent"]; got+=v["got"]; a+=v["rs1"]; if (v["got"]>0) x[++k]=v["ns"]/v["got"] }
    END { if (!k) { print name " failed kind=" kind " topo=" topo; exit }
      for (i=1;i<=k;i++) for (j=i+1;j<=k;j++) if (x[j]<x[i]) { t=x[i]; x[i]=x[j]; x[j]=t }
      m=(k%2)?x[(k+1)/2]:(x[k/2]+x[k/2+1])/2
      printf "%s ns_per_pkt=%.1f ns_min=%.1f ns_max=%.1f", name, m, x[1], x[k]
      if (base != "") printf " net_ns=%.1f", m-base
      printf " loss_pct=%.2f rs1_pct=%.1f rounds=%d kind=%s flows=%s topo=%s clock=%s\n", 100*(sent-got)/sent, 100*a/got, k, kind, flows, topo, clock }'
}
cpu=$(( $(nproc) - 1 ))
one() { # NAME KIND TOPO
  local fl=$flows; [ "$2" = syn ] && fl=0
  timeout 300 taskset -c $cpu ip netns exec client "$IV" gen "$OBJ" c0 $DM $VIP $PORT "$2" "$fl" "$frames" "$rounds" $PIN 32 \
    > /tmp/rounds 2>/tmp/rounds.err || tail -n 3 /tmp/rounds.err >&2
  stats "$1" "$2" $fl "$3" < /tmp/rounds | tee /tmp/line
  [ "$1" != gen-drop ] || base=$(sed -n 's/.* ns_per_pkt=\([0-9.]*\).*/\1/p' /tmp/line)
}
echo "# kernel $(uname -r) clock $clock; $rounds rounds of $frames frames; bpf_jit $(cat /proc/sys/net/core/bpf_jit_enable)"
for topo in $topos; do for k in $kinds; do
  base=''
  if wants gen-drop; then wire $topo; n director "$IV" attach "$OBJ" sink_drop d0 native $PIN; one gen-drop $k $topo; fi
  if wants xdp-floor; then wire $topo
    if [ $topo = wire ]; then n director "$IV" attach "$OBJ" fwd_if d0 native - d1; else n director "$IV" attach "$OBJ" fwd_tx d0 native; fi
    one xdp-floor $k $topo; fi
  if wants ipvs-dr; then wire $topo; napi; ipvs_rules; one ipvs-dr $k $topo; fi
  if wants nft-dsr; then wire $topo; napi; nft_rules d0 $out $omac; one nft-dsr $k $topo; fi
  for l in "${lbs[@]}"; do wants "${l%%=*}" || continue
    wire $topo
    if lb_start "$l" d0 $out $omac $topo $k; then one "${l%%=*}" $k $topo; else echo "${l%%=*} failed kind=$k topo=$topo"; bad=1; fi
  done
done; done
exit $bad
