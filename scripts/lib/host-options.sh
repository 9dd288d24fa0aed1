# shellcheck shell=bash
# shellcheck disable=SC2034 # VERBOSE is read in net.sh, TOOLS in alias.sh
# The command line that director-up, director-down, real-server-up and real-server-down share.

INTERFACE=
VIPS=()
ADDRESSES=()
ALIAS=
TOOLS=auto

# Sets the variables above and DRY_RUN, VERBOSE. Checks words only; check_host looks at the host.
# $1 is the device that will hold the virtual IPs: lo, or empty for the interface itself.
parse_host_options() {
  local holder=$1 option value
  shift
  while [ $# -gt 0 ]; do
    option=$1
    shift
    case $option in
      --help | -h) usage; exit 0 ;;
      --dry-run) DRY_RUN=yes; continue ;;
      --verbose) VERBOSE=yes; continue ;;
      --*=*) value=${option#*=}; option=${option%%=*} ;;
      --interface | --address | --vip | --alias | --tools)
        [ $# -gt 0 ] || usage_error "$option: its value is missing; see $PROGRAM --help"
        value=$1
        shift ;;
      *) usage_error "$option: not an option; see $PROGRAM --help" ;;
    esac
    take_option "$option" "$value"
  done
  [ -n "$INTERFACE" ] || usage_error '--interface is missing; name the LAN interface, like --interface eth0'
  check_alias "${holder:-$INTERFACE}"
  check_vip_is_not_address
}

take_option() {
  if [ -z "$2" ] || [[ $2 == --* ]]; then usage_error "$1: its value is missing; see $PROGRAM --help"; fi
  case $1 in
    --interface)
      [[ $2 =~ ^[^/[:space:]:]{1,15}$ ]] || usage_error "--interface $2: no interface name; write it like eth0"
      INTERFACE=$2 ;;
    --address)
      check_address "$1" "$2"
      check_first_of_family "$2"
      ADDRESSES+=("$2") ;;
    --vip) check_vip "$1" "$2"; VIPS+=("$2") ;;
    --alias) ALIAS=$2 ;;
    --tools)
      case $2 in
        auto | net-tools | iproute2) TOOLS=$2 ;;
        *) usage_error "--tools $2: not known; write net-tools, iproute2 or auto" ;;
      esac ;;
    *) usage_error "$1: not an option; see $PROGRAM --help" ;;
  esac
}

check_first_of_family() {
  local earlier family=is_ipv4
  if is_ipv6 "${1%/*}"; then family=is_ipv6; fi
  for earlier in "${ADDRESSES[@]}"; do
    if $family "${earlier%/*}"; then
      usage_error "--address $1: $earlier is given already; give one IPv4 and one IPv6 address at most"
    fi
  done
}

# Labels are IFNAMSIZ - 1 = 15 characters at most (linux/if.h).
check_alias() {
  if [ -z "$ALIAS" ]; then return 0; fi
  [[ $ALIAS == "$1:"* && ${ALIAS#"$1:"} =~ ^[0-9]{1,4}$ && ${#ALIAS} -le 15 ]] ||
    usage_error "--alias $ALIAS: write it like $1:0"
}

check_vip_is_not_address() {
  local vip address
  for vip in "${VIPS[@]}"; do
    for address in "${ADDRESSES[@]}"; do
      [ "$(canonical "$vip")" != "$(canonical "${address%/*}")" ] ||
        usage_error "--vip $vip: is the host's --address too; the virtual IP must be an address of its own"
    done
  done
}

need_vips() { [ ${#VIPS[@]} -gt 0 ] || usage_error '--vip is missing; name the virtual IP, like --vip 172.26.20.110'; }

# Tools, root and interface, before anything is changed. `ip` is needed with either tool set: only it shows
# every address (ifconfig hides those without an alias), and only it can add an IPv6 address without
# duplicate address detection.
check_host() {
  need_tool ip iproute2
  need_tool flock util-linux
  choose_tools
  if [ "$DRY_RUN" = no ]; then need_root; fi
  ip link show dev "$INTERFACE" >/dev/null 2>&1 ||
    usage_error "--interface $INTERFACE: this host has none of that name; it has: $(interface_names)"
}

interface_names() { ip -o link show 2>/dev/null | awk -F': ' '{ sub(/@.*/, "", $2); printf "%s%s", sep, $2; sep = ", " }'; }

choose_tools() {
  if [ "$TOOLS" = auto ]; then
    if command -v ifconfig >/dev/null && command -v route >/dev/null; then TOOLS=net-tools; else TOOLS=iproute2; fi
  elif [ "$TOOLS" = net-tools ]; then
    need_tool ifconfig net-tools
    need_tool route net-tools
  fi
}
