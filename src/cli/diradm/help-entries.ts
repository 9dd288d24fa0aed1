/** What `diradm -h`, its manual page and its completion say of each option, in the order of `ipvsadm -h`. */

export interface HelpSection {
  readonly title: string;
  /** A sentence below the title. */
  readonly note?: string;
  readonly entries: readonly HelpEntry[];
}

export interface HelpEntry {
  /** As in option-table.ts, which has the rest: short names, and whether a value may be left out. */
  readonly long: string;
  /** How its value is called. */
  readonly value?: string;
  readonly text: string;
}

export const HELP_SECTIONS: readonly HelpSection[] = [
  {
    title: 'Commands',
    note: 'Each is given in its short or in its long form, before any option.',
    entries: [
      { long: 'add-service', text: 'make a virtual service' },
      { long: 'edit-service', text: 'replace its options by those given now' },
      { long: 'delete-service', text: 'remove it, and the real servers in it' },
      { long: 'clear', text: 'remove all virtual services' },
      { long: 'restore', text: 'carry out command lines read from stdin' },
      { long: 'save', text: 'print the command lines that make what there is now' },
      { long: 'add-server', text: 'give a virtual service one more real server' },
      { long: 'edit-server', text: "replace a real server's options by those given now" },
      { long: 'delete-server', text: 'take a real server out of its virtual service' },
      { long: 'list', text: 'show virtual services and real servers, or connections' },
      { long: 'zero', text: 'count from zero, in one virtual service or in all' },
      {
        long: 'set',
        value: 'tcp tcpfin udp',
        text: 'seconds after which idle connections end; 0 leaves one as it is',
      },
      { long: 'start-daemon', text: 'note a sync daemon (shown and saved; nothing is synchronised)' },
      { long: 'stop-daemon', text: 'remove that note' },
      { long: 'help', text: 'this text' },
      { long: 'version', text: "the program's version" },
    ],
  },
  {
    title: 'virtual-service',
    entries: [
      { long: 'tcp-service', value: 'address', text: "host[:port]; a port may be a service's name" },
      { long: 'udp-service', value: 'address', text: 'the same for UDP' },
      { long: 'sctp-service', value: 'address', text: 'the same for SCTP' },
      { long: 'fwmark-service', value: 'fwmark', text: 'frames with this mark, 1 to 4294967295' },
    ],
  },
  {
    title: 'Options',
    entries: [
      { long: 'ipv6', text: "the service of a mark is IPv6's" },
      {
        long: 'scheduler',
        value: 'name',
        text: 'rr|wrr|lc|wlc|lblc|lblcr|dh|sh|sed|nq|fo|ovf|mh (default: wlc)',
      },
      { long: 'pe', value: 'engine', text: 'persistence engine: sip' },
      { long: 'persistent', value: 'sec', text: 'a client stays with its server for so long (default: 360)' },
      { long: 'netmask', value: 'mask', text: 'clients that count as one; a prefix length for IPv6' },
      {
        long: 'real-server',
        value: 'host',
        text: 'host[:port] of the server (-R, as in 1999, with -a, -e and -d)',
      },
      { long: 'gatewaying', text: 'direct routing, the default: the frame is sent on as it is' },
      { long: 'ipip', text: 'tunneling   (shown and saved; not forwarded yet)' },
      { long: 'tun-type', value: 'type', text: 'ipip|gue|gre (default: ipip)' },
      { long: 'tun-port', value: 'port', text: 'destination port of gue' },
      { long: 'tun-nocsum', text: 'tunnel without checksum' },
      { long: 'tun-csum', text: 'tunnel with checksum' },
      { long: 'tun-remcsum', text: 'gue with remote checksum offload' },
      { long: 'masquerading', text: 'translation (shown and saved; not forwarded yet)' },
      { long: 'weight', value: 'weight', text: 'how much a server takes; 0: no new connections' },
      { long: 'u-threshold', value: 'upper', text: 'connections from which a server takes no more' },
      { long: 'l-threshold', value: 'lower', text: 'connections below which it takes some again' },
      { long: 'connection', text: 'list connections' },
      { long: 'timeout', text: 'list the timeouts: tcp, tcpfin, udp' },
      { long: 'daemon', text: 'list sync daemons' },
      { long: 'stats', text: 'list counted connections, packets, bytes' },
      { long: 'rate', text: 'list them by the second' },
      { long: 'exact', text: 'with all digits' },
      { long: 'thresholds', text: 'list thresholds' },
      { long: 'persistent-conn', text: 'list connections of persistence' },
      { long: 'tun-info', text: 'list tunnels' },
      { long: 'nosort', text: 'do not sort the list' },
      { long: 'sort', text: 'nothing: lists are sorted' },
      { long: 'ops', text: 'each UDP packet is scheduled for itself' },
      { long: 'numeric', text: 'addresses and ports as numbers' },
      { long: 'sched-flags', value: 'flags', text: 'flags of the scheduler, with commas between' },
    ],
  },
  {
    title: 'Daemon Options',
    entries: [
      { long: 'mcast-interface', value: 'interface', text: 'name of the interface (default: eth0)' },
      { long: 'syncid', value: 'id', text: '0 to 255 (default: 0)' },
      { long: 'sync-maxlen', value: 'length', text: 'bytes in a message (default: 1472, with IPv6 1452)' },
      { long: 'mcast-group', value: 'address', text: 'IPv4 or IPv6 (default: 224.0.0.81)' },
      { long: 'mcast-port', value: 'port', text: 'UDP port (default: 8848)' },
      { long: 'mcast-ttl', value: 'ttl', text: 'time to live (default: 1)' },
    ],
  },
];
