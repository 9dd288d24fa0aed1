# shellcheck shell=bash
# What runs on the lab's hosts: their addresses, by the scripts a real host is set up with, and web servers.
# Needs LAB (prefix), LAB_DIR (/run/director/lab-PREFIX), CHECKOUT and SCRIPTS.

set_up_host() {
  local host=$1 ipv4 ipv6
  ipv4=$(ipv4_of "$host")
  ipv6=$(ipv6_of "$host")
  case $host in
    client)
      inside client ip addr add "$ipv4/24" broadcast 172.26.20.255 dev eth0
      inside client ip -6 addr add "$ipv6/64" dev eth0 nodad
      inside client ip link set eth0 up ;;
    director) set_up_by director-up director "$ipv4" "$ipv6" ;;
    *) set_up_by real-server-up "$host" "$ipv4" "$ipv6" ;;
  esac
}

set_up_by() { # SCRIPT HOST IPV4 IPV6
  DIRECTOR_RUN=$LAB_DIR/$2 inside "$2" "$SCRIPTS/$1" --interface eth0 \
    --address "$3/24" --address "$4/64" --vip "$VIP4" --vip "$VIP6"
}

# --- web servers ---

# start_web_server HOST NAME: the pid is kept with its start time, so that another process that comes to
# have the same pid is never taken for it.
start_web_server() {
  local pid
  # setsid and nsenter become node, so $! is its pid; `inside` would leave a shell in between.
  setsid nsenter --net="/run/netns/$(namespace_of "$1")" node "$SCRIPTS/lib/web-server.mjs" "$2" "$(ipv4_of "$1")" \
    </dev/null >"$LAB_DIR/$1.web.log" 2>&1 9<&- &
  pid=$!
  echo "$pid $(start_time "$pid")" >"$LAB_DIR/$1.web.pid"
}

# Field 22 of /proc/PID/stat (proc(5)); the name, field 2, may hold blanks. Nothing for a zombie, which has
# ended and only waits for its parent.
start_time() { { sed 's/.*) //' "/proc/$1/stat" | awk '$1 != "Z" { print $20 }'; } 2>/dev/null; }

# The pid of a host's web server if it is alive; nothing otherwise.
web_server_pid() {
  local pid started
  if [ ! -f "$LAB_DIR/$1.web.pid" ]; then return 0; fi
  read -r pid started <"$LAB_DIR/$1.web.pid" || return 0
  if [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]; then echo "$pid"; fi
}

# Asks for the page as the client would, without curl.
page_of() {
  # shellcheck disable=SC2016 # $0 is the inner shell's
  inside client timeout 1 bash -c '
    exec 3<>"/dev/tcp/$0/80" && printf "GET / HTTP/1.0\r\n\r\n" >&3 && cat <&3' "$1" 2>/dev/null
}

wait_for_web_server() {
  local try
  for ((try = 0; try < 100; try++)); do
    if [[ $(page_of "$(ipv4_of "$1")") == *"$(ipv4_of "$1")"* ]]; then return 0; fi
    [ -n "$(web_server_pid "$1")" ] || die "the web server of $1 ended: $(tail -n 3 "$LAB_DIR/$1.web.log")"
    sleep 0.05
  done
  die "the web server of $1 does not answer at $(ipv4_of "$1")"
}

# --- ending ---

# Ours and those above us: `lab down` typed in a `lab shell` must not end itself.
own_ancestors() {
  local pid=$$
  while [ "$pid" -gt 1 ]; do
    echo "$pid"
    pid=$(awk '/^PPid:/ { print $2 }' "/proc/$pid/status")
  done
}

# Web servers, and whatever was started with `lab run` and still lives in a namespace of this lab.
processes_in_lab() {
  local host
  for host in "${HOSTS[@]}" lan; do
    web_server_pid "$host"
    if namespace_exists "$host"; then ip netns pids "$(namespace_of "$host")"; fi
  done | sort -un | grep -vxF "$(own_ancestors)" || true
}

# TERM, and KILL for those that are still there after 2 s.
end_processes() {
  local try pids
  mapfile -t pids < <(processes_in_lab)
  if [ ${#pids[@]} -eq 0 ]; then return 0; fi
  kill -TERM "${pids[@]}" 2>/dev/null || true
  for ((try = 0; try < 40; try++)); do
    mapfile -t pids < <(processes_in_lab)
    if [ ${#pids[@]} -eq 0 ]; then return 0; fi
    sleep 0.05
  done
  warn "killing what did not end in 2 s: $(ps -o pid=,args= -p "$(IFS=,; echo "${pids[*]}")" | tr '\n' ';')"
  kill -KILL "${pids[@]}" 2>/dev/null || true
}
