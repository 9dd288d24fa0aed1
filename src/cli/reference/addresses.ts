/**
 * For bash and zsh: the addresses of services and real servers, by asking the daemon. With curl, which takes some
 * ten milliseconds, where starting Node takes ten times that; without curl, daemon or right: none.
 */
export const ADDRESSES_OF_DAEMON = (
  name: string,
): string => `# server, or service and its protocol; the socket. A line for each.
_${name}_addresses() {
  local fields
  case $1 in
  server) fields='"server":\\{' ;;
  *) fields="\\"service\\":\\\\{\\"protocol\\":\\"\${1#service }\\"," ;;
  esac
  [[ -w $2 ]] || return 0
  curl -sf --max-time 1 --unix-socket "$2" http://director/v1/services 2>/dev/null |
    grep -oE "$fields\\"address\\":\\"[^\\"]+\\",\\"port\\":[0-9]+" |
    sed -E 's/.*"address":"([^"]+)","port":([0-9]+)/\\1:\\2/; s/^(.*:.*):([0-9]+)$/[\\1]:\\2/' | sort -u
}
`;
