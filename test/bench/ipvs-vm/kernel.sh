# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2154,SC2034
# Part of run.sh. From $kernel and $cache it makes: $kver, $kroot, $vmlinux, $initramfs.

need=()
for pair in qemu-system-x86_64=qemu-system-x86 busybox=busybox-static cpio=cpio modprobe=kmod; do
  command -v "${pair%%=*}" >/dev/null || need+=("${pair#*=}")
done
! ldd "$(command -v busybox || echo /)" >/dev/null 2>&1 || need+=(busybox-static)
[ ${#need[@]} = 0 ] || die "Debian packages are missing; try: apt-get install -y --no-install-recommends ${need[*]}"

newest_package() { apt-cache search --names-only '^linux-image-6\.12\.[0-9]+\+deb1[23]-amd64$' | awk '{print $1}' | sort -V | tail -1; }
newest_image() { # in a folder: the newest that has IPVS
  local m
  for m in $(ls -d "$1"/lib/modules/*/ 2>/dev/null | sort -rV); do
    m=$(basename "$m")
    [ -e "$1/boot/vmlinuz-$m" ] && ls "$1/lib/modules/$m"/kernel/net/netfilter/ipvs/ip_vs.ko* >/dev/null 2>&1 && { echo "$m"; return; }
  done
  return 0
}

[ -n "$kernel" ] || kernel=$(newest_package)
[ -n "$kernel" ] || die "no linux-image-6.12 package is known here; on Debian 12 it is in bookworm-backports: add that to apt's sources, then: apt-get update"
if [ -d "$kernel" ]; then kroot=$(realpath "$kernel")
else
  kroot=$cache/$kernel
  if [ ! -e "$kroot/.done" ]; then
    echo "run.sh: downloading $kernel, which is not installed but unpacked in $cache" >&2
    rm -rf "$kroot"; mkdir -p "$kroot"
    (cd "$kroot"; apt-get -qq -o APT::Sandbox::User=root download "$kernel" >&2 && dpkg-deb -x ./*.deb . && rm -f ./*.deb
      [ -d lib ] || ln -s usr/lib lib) || die "cannot download $kernel; try: apt-get update"
    touch "$kroot/.done"
  fi
fi
kver=$(newest_image "$kroot")
[ -n "$kver" ] || die "no kernel with IPVS in $kernel"
vmlinuz=$kroot/boot/vmlinuz-$kver
[ -e "$kroot/lib/modules/$kver/modules.dep" ] || depmod -b "$kroot" "$kver"

# Unpacked once here instead of at every boot by the guest (seconds under emulation); QEMU starts it by its PVH note.
vmlinux=$cache/vmlinux-$kver-$(stat -c '%Y-%s' "$vmlinuz")
unpack_kernel() {
  local kind off
  for kind in "xz:\xfd7zXZ\x00" "zstd:\x28\xb5\x2f\xfd" "gzip:\x1f\x8b\x08"; do
    command -v "${kind%%:*}" >/dev/null || continue
    for off in $(LC_ALL=C grep -aboP "${kind#*:}" "$vmlinuz" | cut -d: -f1 | head -5); do
      tail -c +$((off+1)) "$vmlinuz" | "${kind%%:*}" -dcq > "$vmlinux.$$" 2>/dev/null || true
      [ "$(head -c 4 "$vmlinux.$$" | tr -d '\177')" = ELF ] && [ "$(stat -c %s "$vmlinux.$$")" -gt 10000000 ] && { mv "$vmlinux.$$" "$vmlinux"; return; }
    done
  done
  rm -f "$vmlinux.$$"
}
[ -e "$vmlinux" ] || unpack_kernel
[ -e "$vmlinux" ] || vmlinux=$vmlinuz

# busybox, and the modules that mount the root
initramfs=$cache/initramfs-$kver-$( { stat -c '%Y %s' "$here/kernel.sh" "$vmlinuz" "$(command -v busybox)"; } | sha256sum | cut -c1-12).gz
make_initramfs() {
  local t m f b n=0
  t=$(mktemp -d); mkdir -p "$t"/{bin,mod,proc,sys,dev,lower,rw,new}
  cp "$(command -v busybox)" "$t/bin/busybox"
  for m in virtio_pci 9pnet_virtio 9p overlay virtio_console; do
    modprobe -d "$kroot" -S "$kver" --show-depends "$m" | awk '$1=="insmod"{print $2}'
  done | awk '!s[$0]++' > "$t/list"
  while read -r f; do
    n=$((n+1)); b=$(printf '%02d-%s' $n "$(basename "$f")")
    case $f in
      *.xz) xz -dc "$f" > "$t/mod/${b%.xz}";;
      *.zst) zstd -dcq "$f" > "$t/mod/${b%.zst}";;
      *) cp "$f" "$t/mod/$b";;
    esac
  done < "$t/list"
  cat > "$t/init" <<'INIT'
#!/bin/busybox sh
bb=/bin/busybox
$bb mount -t proc proc /proc; $bb mount -t sysfs sysfs /sys; $bb mount -t devtmpfs dev /dev
for m in /mod/*; do $bb insmod "$m" || echo "rig: cannot load $m"; done
fail() { echo "rig: $1"; $bb reboot -f; }
$bb mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro root /lower || fail "no 9p root"
$bb mount -t tmpfs -o size=90% rw /rw; $bb mkdir -p /rw/u /rw/w
$bb mount -t overlay -o lowerdir=/lower,upperdir=/rw/u,workdir=/rw/w overlay /new || fail "no overlay"
for a in $($bb cat /proc/cmdline); do case $a in rig.dir=*) w=${a#rig.dir=};; esac; done
for d in proc sys dev; do $bb mkdir -p /new/$d; $bb mount --move /$d /new/$d; done
exec $bb switch_root /new /bin/bash "$w/init"
INIT
  chmod +x "$t/init"
  (cd "$t" && rm -f list && find . | LC_ALL=C sort | cpio -o -H newc 2>/dev/null | gzip -1) > "$initramfs.$$" && mv "$initramfs.$$" "$initramfs"
  rm -rf "$t"
}
[ -e "$initramfs" ] || make_initramfs
