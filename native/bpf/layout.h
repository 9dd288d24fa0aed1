/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * What the program and the daemon share: the memory of the maps. src/xdp/layout.ts has the same, field by field; a
 * test compares them. Numbers are in host order, MAC addresses as they stand in a frame. Whoever changes a struct
 * raises LAYOUT_VERSION: what an older program pinned is then not taken over.
 */
#ifndef DIRECTOR_LAYOUT_H
#define DIRECTOR_LAYOUT_H
#include <linux/types.h>

#define LAYOUT_VERSION 2

/* How values lie in maps. The compiler has to know that to read two words at once. */
#define WORD_PAIRS __attribute__((aligned(8)))

/* Connections in a bucket: of IPv4 two cache lines, of IPv6 four. */
#define WAYS 4
/* src/wire/ethernet.ts, MAX_VLAN_TAGS */
#define MAX_LINK_BYTES 22
#define TCP_STATES 11
#define SCTP_STATES 14
/* One bit for each value of a hash of the host's own addresses. */
#define OWN_ADDRESS_WORDS 64

/* The one element of `config`. The daemon writes, the program reads, but for what is named. */
struct config {
	__u32 layout_version;
	/* The clock where the constant clock_is_given is set. */
	__u32 ticks;
	/* Low 48 bits, as they stand in a frame. */
	__u64 own_mac;
	/* Secret, odd: what connections are hashed with. */
	__u64 seed[11];
	/* How many services of each IP version there are: without one, no packet of that version is looked at. */
	__u32 services4;
	__u32 services6;
	/* Services of firewall marks. */
	__u32 marked4;
	__u32 marked6;
	/* First rule << 16 | how many. */
	__u32 mark_rules;
	__u32 has_ftp;
	__u32 has_any_port;
	/* IPVS sysctls by their names. */
	__u32 conn_reuse_mode;
	__u32 expire_nodest_conn;
	__u32 expire_quiescent_template;
	/* Two of our own: src/service/settings.ts. */
	__u32 failed_connections;
	__u32 second_chance;
	__u32 schedule_icmp;
	__u32 sloppy_tcp;
	__u32 sloppy_sctp;
	__u32 is_secure;
	/* One first packet in so many is dropped; 0: none. The program counts down. */
	__u32 drop_rate;
	__u32 drop_counter;
	/* ICMP answers are limited for each client, too. */
	__u32 limits_clients;
	/* Ticks. */
	__u32 new_timeout;
	__u32 udp_timeout;
	__u32 tcp_timeout[TCP_STATES];
	__u32 sctp_timeout[SCTP_STATES];
	/* The program's: until when fragments may wait for the first of their datagram, ticks. */
	__u32 waiting_until;
	/* The program's, where records_verdict is set: verdict and connection of the last frame. */
	__u32 last_verdict;
	/* Milliseconds from the monotonic clock to midnight UTC. */
	__u64 day_offset_ms;
	__u64 own_addresses[OWN_ADDRESS_WORDS];
};

/* Of struct service. */
#define SERVICE_IS_MARK 1
#define SERVICE_ONE_PACKET 2
/* The daemon's: the persistence engine is `sip`. */
#define SERVICE_SIP 4

enum scheduler {
	SCHEDULER_NONE, SCHEDULER_RR, SCHEDULER_WRR, SCHEDULER_LC, SCHEDULER_WLC, SCHEDULER_LBLC, SCHEDULER_LBLCR,
	SCHEDULER_DH, SCHEDULER_SH, SCHEDULER_SED, SCHEDULER_NQ, SCHEDULER_FO, SCHEDULER_OVF, SCHEDULER_MH,
};

/*
 * One version of a service. What it lists and how it schedules is never changed in place but for `place`: an edit
 * writes another element and then one word of service_index.
 */
struct service {
	/* Virtual address; of a firewall mark: the mark and zeroes. */
	__u32 address[4];
	__u16 port;
	/* 0 for a firewall mark. */
	__u8 protocol;
	__u8 version;
	__u32 flags;
	__u32 persistent_sec;
	/* IPv4: a mask; IPv6: a prefix length. */
	__u32 netmask;
	__u32 scheduler;
	__u32 scheduler_flags;
	/* First cell of the list of servers, the newest first, and how many. */
	__u32 list;
	__u32 server_count;
	/* First cell of the buckets of sh or the slots of mh, and how many; 0: none. */
	__u32 table;
	__u32 table_size;
	/* The program's. rr, wrr: index of the last pick + 1; wrr: current weight in the upper half. */
	__u64 place;
	/* wrr */
	__u32 max_weight;
	__u32 step;
	/* Changes with the scheduler: what lblc and lblcr remember is filed under it. */
	__u32 instance;
	/* The daemon's: the order of adding, and whether the element is in use. */
	__u32 added;
	__u32 in_use;
	/* The program's: connections that a template gave to a server of another service. */
	__u32 strays;
	__u32 spare[8];
};

/* A slot of service_index: linear probing, at most SERVICE_PROBES. */
#define SERVICE_PROBES 16
struct service_slot {
	__u32 address[4];
	__u16 port;
	__u8 protocol;
	/* 0: never used, a search ends here. */
	__u8 version;
	/* Element of `services`; 0: deleted. */
	__u32 service;
	__u32 spare[2];
} WORD_PAIRS;

/* Element of `cells`: a cache line of server numbers. Cell n is number n % CELLS of element n / CELLS. */
#define CELLS 16
struct cell_line { __u32 server[CELLS]; };

/* How frames get to a server: upper 16 bits of next_hop. */
enum reach { REACH_UNRESOLVED, REACH_NEIGHBOR, REACH_LOCAL, REACH_UNREACHABLE };

#define SERVER_LISTED 1
#define SERVER_TAKES_CONNECTIONS_ALONG 2
/* It failed its checks: no service lists it for its scheduler. */
#define SERVER_FAILED 4

struct server {
	/* Its MAC and an enum reach << 48: one word, so that no frame sees half of a change. */
	__u64 next_hop;
	/* Our MAC on the way to it, and << 48 the element of `devices`, 0 for where the frame came in. */
	__u64 source;
	/* The program's: active << 32 | inactive connections, templates. */
	__u64 load;
	__u32 persistent;
	__u32 weight;
	/* The lower threshold as it is in force. */
	__u32 upper;
	__u32 lower;
	__u32 overloaded;
	__u32 flags;
	/* The program's: when a connection last got from SYN to ESTABLISHED, ticks; 0: never. */
	__u32 last_alive;
	/* From here on the daemon's. */
	__u32 configured_weight;
	__u32 address[4];
	__u32 service_address[4];
	__u16 port;
	__u16 service_port;
	__u8 service_protocol;
	__u8 version;
	/* IP version of the service; + 16: it is a firewall mark. */
	__u8 service_kind;
	__u8 in_use;
	__u32 forwarding;
	__u32 configured_lower;
	__u32 last_weight;
	__u32 tunnel;
	/* Changes when the element is given to another server: who has kept its number can tell. */
	__u32 generation;
	__u32 spare[3];
};

/* Bits of connection.kind beside the protocol. */
#define KIND_TEMPLATE 0x10000
#define KIND_LIVE 0x1000000
/* Between two owners. */
#define KIND_CLAIMED 0x2000000
/* In the second of its two buckets: counted in the first one's group. */
#define KIND_SPILLED 0x4000000
/* A template that is of no use any more: no look-up finds it. */
#define KIND_INVALIDATED 0x8000000

/*
 * connection.state: state | flags | input packets << 10 | owner << 14; of a template 0, STATE_ASSURED or STATE_PROVEN, without flags,
 * and its timeout in seconds << 10. No connection has a word that a template could have.
 */
#define STATE_MASK 0xff
#define STATE_INACTIVE 0x100
#define STATE_NO_OUTPUT 0x200
#define STATE_COUNT_SHIFT 10
#define STATE_COUNT_MASK 0xf
/* Another number for each connection that an entry holds: who has read the word can tell whether it is still that one. */
#define STATE_OWNER_SHIFT 14
/* Packets are counted up to here: who looks at the count wants to know whether it is small. */
#define MAX_PACKETS 9
/* Of a template whose client got as far as a handshake. */
#define STATE_ASSURED 0x80
/* Of a template that must stay all the same: what depends on it is not half-open. */
#define STATE_PROVEN 0x40
/* State of what somebody has just ended: nobody steps it any more, or ends it. */
#define STATE_GONE 0xff

/*
 * connection.link of a template: LINK_IS_TEMPLATE and how many connections depend on it; with LINK_IS_SOLE, too, as long
 * as they are few, the slot of the one that was the only one << LINK_COUNT_BITS and how many they are now.
 */
#define LINK_IS_TEMPLATE 0x80000000
#define LINK_IS_SOLE 0x40000000
#define LINK_COUNT_BITS 5
#define LINK_COUNT_MASK 0x1f

struct connection {
	/* client << 16 | virtual */
	__u32 ports;
	/* protocol | KIND_*; 0: free */
	__u32 kind;
	__u32 server;
	__u32 expires;
	__u32 state;
	/* Slot of its template + 1; of a template: LINK_IS_TEMPLATE and who depends on it. */
	__u32 link;
};

struct connection4 {
	__u32 client;
	__u32 virtual;
	struct connection connection;
} WORD_PAIRS;

struct connection6 {
	__u32 client[4];
	__u32 virtual[4];
	struct connection connection;
	__u32 spare[2];
} WORD_PAIRS;

/*
 * A word for each BUCKETS_PER_GROUP buckets, a cache line of words an element of groups4, groups6. GROUP_SPILLS: how
 * many connections lie in their second bucket instead of one of these; where none does, a search ends after the first
 * bucket. GROUP_IS_USED: some entry of these may be in use; the sweep passes by the others.
 */
#define BUCKETS_PER_GROUP 8
#define GROUPS 16
#define GROUP_SPILLS 0x7fffffff
#define GROUP_IS_USED 0x80000000
struct group_line { __u32 word[GROUPS]; };

struct bucket4 { struct connection4 way[WAYS]; };
struct bucket6 { struct connection6 way[WAYS]; };

/* Element cpu * max_servers + server of server_traffic. */
struct traffic {
	__u64 connections;
	__u64 in_packets;
	__u64 out_packets;
	__u64 in_bytes;
	__u64 out_bytes;
	/* Connections, counted above, too, that were for another service than the server's. */
	__u64 foreign;
	__u64 spare[2];
};

/*
 * What the counters of a server, or of a service, do not show of what was counted (may be below 0). No program looks at
 * it: src/xdp/zeroed.ts.
 */
struct zeroed {
	__u64 connections;
	__u64 in_packets;
	__u64 out_packets;
	__u64 in_bytes;
	__u64 out_bytes;
	__u64 spare[3];
};

/* What makes room for new connections where there is none: src/datapath/room.ts. */
enum room_maker { ROOM_HALF_OPEN, ROOM_UDP, ROOM_TEMPLATE };

/* Element of `verdicts` for each CPU. */
#define VERDICT_COUNT 80
#define ROOM_MAKERS 8
struct verdict_counts {
	/* Frames by verdict: src/datapath/verdict.ts, VERDICT_COUNT. */
	__u64 frames[VERDICT_COUNT];
	/* What made room, by enum room_maker. */
	__u64 made_room[ROOM_MAKERS];
};

/* One destination, and one source network or all of them: src/service/mark-rule.ts. */
struct mark_rule {
	__u32 destination[4];
	__u32 source[4];
	__u16 first_port;
	__u16 last_port;
	__u8 version;
	/* 0: all three */
	__u8 protocol;
	__u8 destination_bits;
	__u8 source_bits;
	__u32 mark;
	/* The daemon's: which rule of its list this is a part of, and whether it names sources and ports. */
	__u32 rule;
	__u32 has_sources;
	__u32 has_ports;
	__u32 spare[2];
};

/* Key of `virtual_addresses` and `own_addresses`. */
struct address_key {
	__u32 address[4];
	__u32 version;
};

/* Key of `datagrams`: RFC 791 3.2. */
struct datagram_key {
	__u32 client[4];
	__u32 virtual[4];
	__u32 identification;
	__u32 kind;
};
struct datagram {
	__u32 server;
	__u32 expires;
};

/* Key of `destination_cache`: scheduler instance and destination address. */
struct cache_key {
	__u32 address[4];
	__u32 instance;
};
/* The newest first. lblc uses one. Each is the number of a server | its generation << 20. */
#define SERVER_BITS 20
#define CACHE_SERVERS 32
struct cache_entry {
	__u32 last_used;
	__u32 last_changed;
	__u32 count;
	__u32 servers[CACHE_SERVERS];
};

/* src/datapath/reply-limit.ts */
#define REPLY_CLIENTS 4096
struct reply_client {
	__u32 client;
	__u32 credit;
	__u32 refilled;
};
struct replies {
	/* Thousandths of an answer. */
	__u32 tokens;
	__u32 refilled;
	struct reply_client clients[REPLY_CLIENTS];
};

/*
 * The daemon's alone, for the daemon that comes after it: settings as JSON, in two places of which one is in force, so
 * that it is whole whenever the writer dies.
 */
#define NOTE_BYTES 2040
struct note {
	__u32 length;
	__u8 text[NOTE_BYTES];
};
struct notes {
	__u32 in_force;
	__u32 spare;
	struct note note[2];
};

/* Records of `events`. */
enum event_kind { EVENT_WAITING_FRAGMENT = 1, EVENT_FIRST_FRAGMENT, EVENT_ARP_CONFLICT };
#define MAX_WAITING_BYTES 2048
struct event {
	__u32 kind;
	/* ARP: who says so, and of which IPv4 address. */
	__u32 address;
	__u64 mac;
	/* Of a fragment. */
	struct datagram_key datagram;
};
/* EVENT_WAITING_FRAGMENT: the frame follows. */
struct waiting_event {
	struct event event;
	__u32 length;
	__u32 ifindex;
	__u8 frame[MAX_WAITING_BYTES];
};

/* Context of the program `sweep`: what it is asked, and what it says. */
struct sweep_arguments {
	/* 4 or 6: the table. */
	__u32 version;
	/* Of groups4 or groups6. */
	__u32 first_line;
	__u32 line_count;
	/* Whether some server has SERVER_TAKES_CONNECTIONS_ALONG. */
	__u32 servers_take_along;
	__u32 expired;
	__u32 live;
	/* The program's clock. */
	__u32 ticks;
};

/* Context of the program `end_connection`. */
struct end_arguments {
	__u32 version;
	__u32 slot;
};

#endif
