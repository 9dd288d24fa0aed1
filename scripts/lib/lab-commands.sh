# shellcheck shell=bash
# Commands inside the lab: PATH with the project's programs, a shell or one command on a host, its state.
# Needs LAB, LAB_DIR, CHECKOUT and SCRIPTS.

make_launchers() {
  mkdir -p "$LAB_DIR/bin"
  make_launcher director director
  make_launcher diradm diradm
  make_launcher ipvsadm diradm DIRADM_NAME=ipvsadm
}

# make_launcher NAME PROGRAM [VARIABLE=VALUE]
make_launcher() {
  local main=$CHECKOUT/dist/cli/$2/main.js
  cat >"$LAB_DIR/bin/$1" <<END
#!/bin/bash
main=$(printf '%q' "$main")
[ -f "\$main" ] || { echo "$1 is not built: run npm run build in $(printf '%q' "$CHECKOUT")" >&2; exit 1; }
${3:+export $3}
exec $(printf '%q' "$(command -v node)") "\$main" "\$@"
END
  chmod +x "$LAB_DIR/bin/$1"
}

# on_host HOST COMMAND...: replaces this process.
on_host() {
  local host=$1
  shift
  export DIRECTOR_SOCKET=$LAB_DIR/director.sock DIRECTOR_RUN=$LAB_DIR/$host DIRECTOR_LAB=$LAB
  export DIRECTOR_BPFFS=$BPF_DIR
  export PATH=$LAB_DIR/bin:$SCRIPTS:$PATH
  exec nsenter --net="/run/netns/$(namespace_of "$host")" "$@" 9<&-
}

need_host() {
  [ $# -ge 1 ] || usage_error "$COMMAND: the host is missing; name one of: ${HOSTS[*]}"
  [[ " ${HOSTS[*]} " == *" $1 "* ]] || usage_error "$COMMAND $1: no host of the lab; name one of: ${HOSTS[*]}"
}

# --- status ---

print_status() {
  local host whole=yes
  printf '%-9s %-15s %-21s %-15s %-5s %s\n' HOST IPV4 IPV6 VIRTUAL-IP-ON eth0 WEB-SERVER
  for host in "${HOSTS[@]}"; do print_host "$host" || whole=no; done
  printf 'virtual IP %s and %s\n' "$VIP4" "$VIP6"
  if director_answers; then
    echo "director answers on $LAB_DIR/director.sock"
  else
    echo "no director answers on $LAB_DIR/director.sock"
  fi
  [ $whole = yes ]
}

# Fails if something of the host that `up` made is missing.
print_host() {
  local host=$1 link web pid holder
  if ! namespace_exists "$host"; then printf '%-9s namespace is missing\n' "$host"; return 1; fi
  link=$(inside "$host" ip -o link show dev eth0 2>/dev/null | grep -o 'state [A-Z]*' | cut -d' ' -f2 | tr '[:upper:]' '[:lower:]')
  holder=$(inside "$host" ip -o addr show to "$VIP4" | awk '{ printf "%s%s", sep, $2; sep = "," }')
  web=-
  pid=$(web_server_pid "$host")
  if [ -n "$pid" ]; then web="alive (pid $pid)"; elif [ -f "$LAB_DIR/$host.web.pid" ]; then web=dead; fi
  printf '%-9s %-15s %-21s %-15s %-5s %s\n' "$host" "$(address_shown "$host" -4)" "$(address_shown "$host" -6)" \
    "${holder:--}" "${link:-gone}" "$web"
  [ "$link" = up ] && [ "$web" != dead ]
}

# The host's own address as the kernel has it now.
address_shown() {
  local length=/32
  if [ "$2" = -6 ]; then length=/128; fi
  inside "$1" ip -o "$2" addr show dev eth0 scope global 2>/dev/null |
    awk -v length_of_vip="$length" 'index($4, length_of_vip) == 0 { sub(/\/.*/, "", $4); print $4; found = 1; exit }
      END { if (!found) print "-" }'
}

# Any HTTP answer counts.
director_answers() {
  [ -S "$LAB_DIR/director.sock" ] && node -e '
    const request = require("node:http").get({ socketPath: process.argv[1], path: "/", timeout: 1000 });
    request.on("response", () => process.exit(0));
    request.on("timeout", () => process.exit(1));
    request.on("error", () => process.exit(1));' "$LAB_DIR/director.sock"
}
