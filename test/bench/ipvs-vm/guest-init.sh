# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2153
# Part of run.sh: the guest's first process, behind W (the folder of this run), KROOT and SHARES.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=0620,ptmxmode=0666 devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /run; mkdir -p /run/netns /run/lock
mount -t bpf bpf /sys/fs/bpf; mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -sf /proc/self/fd /dev/fd; ln -sf fd/0 /dev/stdin; ln -sf fd/1 /dev/stdout; ln -sf fd/2 /dev/stderr
for i in "${!SHARES[@]}"; do
  mkdir -p "${SHARES[$i]}"
  mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=mmap "share$i" "${SHARES[$i]}" || echo "rig: cannot share ${SHARES[$i]}"
done
port() { local p; for p in /sys/class/virtio-ports/*; do [ "$(cat "$p/name" 2>/dev/null)" = "$1" ] && { echo "/dev/${p##*/}"; return; }; done; }
OUT=$(port rig.out) ERR=$(port rig.err) RC=$(port rig.rc)
mkdir -p /lib/modules; mount --bind "$KROOT/lib/modules" /lib/modules
hostname ipvs-vm; ip link set lo up
modprobe -a crc32c-intel ip_vs ip_vs_rr nf_conntrack veth bridge dummy sch_ingress cls_bpf nf_tables nft_fwd_netdev \
  nft_hash nft_numgen af_packet virtio_rng 2>&1 | sed 's/^/rig: /'
echo "boot $(cut -d' ' -f1 /proc/uptime)" >> "$RC"
( . "$W/cmd" ) >> "$OUT" 2>> "$ERR" < /dev/null
echo "rc $?" >> "$RC"
sync
echo b > /proc/sysrq-trigger; sleep 60
