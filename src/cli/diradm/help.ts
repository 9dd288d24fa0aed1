/** -h and -v: in ipvsadm's layout, in our words. */
import { version } from '../../version.ts';

const COMPATIBLE_WITH = '1.31';

/** Programs that run `ipvsadm -v` look for `ipvsadm v1.…` and decide by it which options exist. */
export function versionText(program: string): string {
  if (program === 'ipvsadm') return `ipvsadm v${COMPATIBLE_WITH} (director ${version()}, no IPVS module)\n`;
  return `${program} v${version()} (compatible with ipvsadm ${COMPATIBLE_WITH})\n`;
}

export function helpText(program: string): string {
  return `${versionText(program)}Usage:
  ${program} -A|E virtual-service [-s scheduler] [-p [timeout]] [-M netmask]
  ${' '.repeat(program.length)}      [--pe engine] [-o] [-b sched-flags]
  ${program} -D virtual-service
  ${program} -C
  ${program} -R
  ${program} -S [-n]
  ${program} -a|e virtual-service -r server-address [-g|i|m] [-w weight]
  ${' '.repeat(program.length)}      [-x upper] [-y lower] [tunnel options]
  ${program} -d virtual-service -r server-address
  ${program} -L|l [virtual-service] [options]
  ${program} -Z [virtual-service]
  ${program} --set tcp tcpfin udp
  ${program} --start-daemon {master|backup} [daemon options]
  ${program} --stop-daemon {master|backup}
  ${program} -h
  ${program} -v

Commands:
Each is given in its short or in its long form, before any option.
  --add-service     -A        make a virtual service
  --edit-service    -E        replace its options by those given now
  --delete-service  -D        remove it, and the real servers in it
  --clear           -C        remove all virtual services
  --restore         -R        carry out command lines read from stdin
  --save            -S        print the command lines that make what there is now
  --add-server      -a        give a virtual service one more real server
  --edit-server     -e        replace a real server's options by those given now
  --delete-server   -d        take a real server out of its virtual service
  --list            -L|-l     show virtual services and real servers, or connections
  --zero            -Z        count from zero, in one virtual service or in all
  --set tcp tcpfin udp        seconds after which idle connections end; 0 leaves one as it is
  --start-daemon              note a sync daemon (shown and saved; nothing is synchronised)
  --stop-daemon               remove that note
  --help            -h        this text
  --version         -v        the program's version

virtual-service:
  --tcp-service|-t  address   host[:port]; a port may be a service's name
  --udp-service|-u  address   the same for UDP
  --sctp-service    address   the same for SCTP
  --fwmark-service|-f fwmark  frames with this mark, 1 to 4294967295

Options:
  --ipv6            -6        the service of a mark is IPv6's
  --scheduler       -s name   rr|wrr|lc|wlc|lblc|lblcr|dh|sh|sed|nq|fo|ovf|mh (default: wlc)
  --pe              engine    persistence engine: sip
  --persistent      -p [sec]  a client stays with its server for so long (default: 360)
  --netmask         -M mask   clients that count as one; a prefix length for IPv6
  --real-server     -r host   host[:port] of the server (-R, as in 1999, with -a, -e and -d)
  --gatewaying      -g        direct routing, the default: the frame is sent on as it is
  --ipip            -i        tunneling   (shown and saved; not forwarded yet)
  --tun-type        type      ipip|gue|gre (default: ipip)
  --tun-port        port      destination port of gue
  --tun-nocsum                tunnel without checksum
  --tun-csum                  tunnel with checksum
  --tun-remcsum               gue with remote checksum offload
  --masquerading    -m        translation (shown and saved; not forwarded yet)
  --weight          -w weight how much a server takes; 0: no new connections
  --u-threshold     -x upper  connections from which a server takes no more
  --l-threshold     -y lower  connections below which it takes some again
  --connection      -c        list connections
  --timeout                   list the timeouts: tcp, tcpfin, udp
  --daemon                    list sync daemons
  --stats                     list counted connections, packets, bytes
  --rate                      list them by the second
  --exact           -X        with all digits
  --thresholds                list thresholds
  --persistent-conn           list connections of persistence
  --tun-info                  list tunnels
  --nosort                    do not sort the list
  --sort                      nothing: lists are sorted
  --ops             -o        each UDP packet is scheduled for itself
  --numeric         -n        addresses and ports as numbers
  --sched-flags     -b flags  flags of the scheduler, with commas between

Daemon Options:
  --mcast-interface interface name of the interface (default: eth0)
  --syncid          id        0 to 255 (default: 0)
  --sync-maxlen     length    bytes in a message (default: 1472, with IPv6 1452)
  --mcast-group     address   IPv4 or IPv6 (default: 224.0.0.81)
  --mcast-port      port      UDP port (default: 8848)
  --mcast-ttl       ttl       time to live (default: 1)
`;
}
