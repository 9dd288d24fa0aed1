#!/bin/bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2054 # the commas are QEMU's
# Boots a Debian kernel that has IPVS in QEMU, on top of this machine's own root file system (read-only 9p and an overlay
# in guest memory), and runs a command in it as root. No network device: whatever is sent in the guest stays in it.
#
#   run.sh [OPTION]... -- COMMAND [ARG]...
#
#   --icount            one CPU whose clock IS its instruction counter, 1 instruction = 1 ns: every "ns" that the guest
#                       measures while it is busy is an instruction, the same in every run
#   --cpus N            without --icount (default 2)
#   --mem MiB           guest memory (default 3072); files written in the guest live there
#   --share DIR         read-write in the guest at the same path (repeatable); all else can be read, and written without
#                       any effect here
#   --env NAME[=VALUE]  hands an environment variable to the command (repeatable)
#   --timeout SECS      ends the guest after this long (default 900); exit code 124
#   --kernel PKG|DIR    a Debian linux-image package (default: the newest 6.12), downloaded and unpacked under --cache, not
#                       installed; or a folder with boot/ and lib/modules/
#   --cache DIR         for the unpacked kernel and the initramfs (default /var/tmp/director-vm)
#   --log FILE          the guest's console
#   --verbose           boot time and the QEMU command on stderr
#
# The command's stdout, stderr and exit code become this script's; stdin is /dev/null. Exit codes of its own: 2 usage or
# a missing package, 124 timeout, 125 the guest died or never ran the command (the console's tail is on stderr).
set -euo pipefail
here=$(dirname "$(realpath "$0")")
icount=0 cpus=2 mem=3072 timeout=900 kernel='' cache=/var/tmp/director-vm log='' verbose=0 shares=() envs=()
die() { echo "run.sh: $*" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --icount) icount=1 cpus=1; shift;;
    --cpus) cpus=$2; shift 2;;
    --mem) mem=$2; shift 2;;
    --share) shares+=("$(realpath -e "$2")"); shift 2;;
    --env) case $2 in *=*) envs+=("$2");; *) envs+=("$2=${!2-}");; esac; shift 2;;
    --timeout) timeout=$2; shift 2;;
    --kernel) kernel=$2; shift 2;;
    --cache) cache=$2; shift 2;;
    --log) log=$2; shift 2;;
    --verbose) verbose=1; shift;;
    -h|--help) sed -n '4,/^set -/{s/^# \{0,1\}//;/^set -/d;p}' "$0"; exit 0;;
    --) shift; break;;
    *) die "unknown option $1 (put -- before the command)";;
  esac
done
[ $# -gt 0 ] || die "no command; see --help"
[ "$(id -u)" = 0 ] || die "needs root (the guest reads this machine's / through it)"
mkdir -p "$cache"
. "$here/kernel.sh"

# ---- this run: the command and its channels
w=$(mktemp -d /var/tmp/director-vm-run.XXXXXX) qemu_pid='' cat_pids=''
cleanup() {
  local pid
  for pid in $qemu_pid $cat_pids; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$w"
}
trap cleanup EXIT; trap 'exit 130' INT; trap 'exit 143' TERM
mkfifo "$w/out" "$w/err"; : > "$w/rc"; : > "$w/console"
{
  for e in "PATH=$PATH" "HOME=${HOME:-/root}" LANG=C.UTF-8 TERM=dumb IPVS_VM=1 "IPVS_VM_ICOUNT=$icount" "${envs[@]}"; do
    printf 'export %q\n' "$e"
  done
  printf 'cd %q 2>/dev/null || cd /\nexec ' "$PWD"; printf '%q ' "$@"; echo
} > "$w/cmd"
{
  printf 'W=%q KROOT=%q SHARES=(' "$w" "$kroot"; [ ${#shares[@]} = 0 ] || printf '%q ' "${shares[@]}"; echo ')'
  cat "$here/guest-init.sh"
} > "$w/init"

qemu=(qemu-system-x86_64 -display none -no-reboot -nodefaults -no-user-config -nic none -m "$mem" -smp "$cpus"
  -kernel "$vmlinux" -initrd "$initramfs" -serial "file:$w/console" -device virtio-serial-pci -device virtio-rng-pci
  -fsdev "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap" -device virtio-9p-pci,fsdev=root,mount_tag=root)
for c in out err rc; do
  qemu+=(-chardev "file,id=c-$c,path=$w/$c" -device "virtserialport,chardev=c-$c,name=rig.$c")
done
for i in "${!shares[@]}"; do
  qemu+=(-fsdev "local,id=sh$i,path=${shares[$i]},security_model=none,multidevs=remap"
    -device "virtio-9p-pci,fsdev=sh$i,mount_tag=share$i")
done
# TCG runs (and -icount counts) "rep movsb" and its like byte by byte: a kernel that thinks they are fast would clear an
# skb with 200 "instructions". Without ERMS, FSRM and REP_GOOD (clearcpuid 112) it uses plain loops, as cheap as they are.
qemu+=(-cpu max,-erms,-fsrm)
if [ "$icount" = 1 ]; then qemu+=(-accel tcg,tb-size=512 -icount shift=0); else qemu+=(-accel tcg,thread=multi,tb-size=512); fi
# mitigations=off: the kindest to code with many indirect calls, that is to IPVS
qemu+=(-append "console=ttyS0 quiet panic=-1 reboot=t audit=0 lsm=capability,bpf mitigations=off random.trust_cpu=on nowatchdog clearcpuid=112 rig.dir=$w")

cat "$w/out" & cat_pids=$!
cat "$w/err" >&2 & cat_pids="$cat_pids $!"
start=$(date +%s%N)
[ "$verbose" = 0 ] || echo "run.sh: kernel $kver: ${qemu[*]@Q}" >&2
timeout -k 5 "$timeout" "${qemu[@]}" </dev/null >"$w/qemu.log" 2>&1 & qemu_pid=$!
status=0; wait "$qemu_pid" || status=$?
qemu_pid=''
for pid in $cat_pids; do wait "$pid" 2>/dev/null || true; done
cat_pids=''
[ -z "$log" ] || cp "$w/console" "$log"
[ "$verbose" = 0 ] || echo "run.sh: command started $(sed -n 's/^boot //p' "$w/rc") s (guest clock) after the kernel; $((($(date +%s%N) - start) / 1000000)) ms from start to end" >&2
rc=$(sed -n 's/^rc //p' "$w/rc" | tail -1)
[ -z "$rc" ] || exit "$rc"
{ echo "run.sh: the guest did not finish the command (qemu status $status); its console and qemu's words end with:"
  tail -n 25 "$w/console"; tail -n 5 "$w/qemu.log"; } >&2
[ "$status" != 124 ] && [ "$status" != 137 ] || exit 124
exit 125
