# shellcheck shell=bash
# The ARP problem: since Linux 2.4 a host answers ARP for every address it has, on lo too, so a real server
# would claim the virtual IP and take the director's traffic. On real servers therefore
#   arp_ignore=1    answer only for addresses of the interface that was asked
#   arp_announce=2  never name the virtual IP as the sender of an ARP request
# They are set on the LAN interface, not on `all`: the kernel takes the larger of the two, so the interface's
# value is enough, other interfaces keep their behaviour, and restoring it cannot undo what someone else put
# into `all` meanwhile. A second interface on the same LAN needs a real-server-up of its own.
# IPv6 needs nothing: neighbour solicitations are answered only for addresses of the interface itself.

setting_path() { printf '/proc/sys/net/ipv4/conf/%s/%s' "$1" "$2"; }

setting() { cat "$(setting_path "$1" "$2")"; }

# What the kernel uses: the larger of `all` and the interface (linux/inetdevice.h, IN_DEV_MAXCONF).
effective_setting() {
  local all own
  all=$(setting all "$2")
  own=$(setting "$1" "$2")
  echo $((all > own ? all : own))
}

write_setting() { # PATH VALUE
  if [ "$DRY_RUN" = yes ]; then printf 'echo %s > %s\n' "$2" "$1"; return 0; fi
  if [ "$VERBOSE" = yes ]; then printf '+ echo %s > %s\n' "$2" "$1" >&2; fi
  printf '%s\n' "$2" >"$1"
}

# change_setting INTERFACE NAME VALUE: keeps the old value for real-server-down.
change_setting() {
  local path old line
  path=$(setting_path "$1" "$2")
  old=$(cat "$path")
  while read -r line; do if [ -n "$line" ]; then forget "$line"; fi; done <<<"$(remembered "setting $path ")"
  undo_with restore_setting "$path" "$old" "$3"
  remember "setting $path $old $3"
  write_setting "$path" "$3"
}

# restore_setting PATH OLD OURS: leaves alone what someone else has set since.
restore_setting() {
  local now
  now=$(cat "$1" 2>/dev/null || true)
  if [ "$now" = "$3" ]; then
    write_setting "$1" "$2"
  elif [ -n "$now" ] && [ "$now" != "$2" ]; then
    warn "$1 is $now by now, not the $3 that was set: left as it is (it was $2 before)"
  fi
  forget "setting $1 $2 $3"
}

# Before the virtual IP is added, so that not one ARP request is answered for it.
hide_vips_from_arp() {
  local interface=$1
  # 1 and 2 hide addresses of lo; from 3 on the kernel answers for them again, or for none at all.
  [ "$(setting all arp_ignore)" -le 2 ] ||
    die "net.ipv4.conf.all.arp_ignore is $(setting all arp_ignore) and overrides $interface's: set it to 0, 1 or 2"
  case $(effective_setting "$interface" arp_ignore) in
    1 | 2) ;;
    *) change_setting "$interface" arp_ignore 1 ;;
  esac
  if [ "$(effective_setting "$interface" arp_announce)" -lt 2 ]; then change_setting "$interface" arp_announce 2; fi
}

restore_arp() {
  local path old ours
  while read -r _ path old ours; do
    if [ -n "$path" ]; then restore_setting "$path" "$old" "$ours"; fi
  done <<<"$(remembered 'setting ')"
}

# rp_filter=1 drops a frame whose sender would be answered through another interface. Clients on the LAN are
# answered through the interface itself; those beyond it only if the default route leaves there.
warn_of_rp_filter() {
  local interface=$1 way
  if [ "$(effective_setting "$interface" rp_filter)" != 1 ]; then return 0; fi
  way=$(ip -4 route show default | awk '{ for (i = 1; i < NF; i++) if ($i == "dev") { print $(i + 1); exit } }')
  if [ -n "$way" ] && [ "$way" != "$interface" ]; then
    warn "rp_filter=1 on $interface will drop clients beyond the LAN, for the default route leaves by $way:" \
      "sysctl -w net.ipv4.conf.${interface//./\/}.rp_filter=2"
  fi
}
