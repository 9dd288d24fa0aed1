"""Families of kernel IPVS's behaviour that traffic.json does not have. Run by the recorder of the rig (record.py traffic OUT.json THIS.py)."""
from record import *
import record

C, D, E6 = "10.10.1.9", "10.10.2.7", "fd00:20::9"
V = f"{VIP}:80"
V6 = f"[{VIP6}]:80"

# The answers of the host are limited to six a second for each client, which hides what it would have answered.
def unlimited(T):
    sh("ip netns exec d sysctl -qw net.ipv6.icmp.ratelimit=0"); T.sysctl("net.ipv4.icmp_ratelimit", 0)

def mark(T, *rules):
    """Marks packets as they come in, with tc; the rules are recorded in the form of the director's MarkRule."""
    sh("tc -n d qdisc add dev d0 clsact")
    for n, r in enumerate(rules):
        six = ":" in r["destination"]
        m = [f"dst_ip {r['destination']}"]
        if "sources" in r: m.append(f"src_ip {r['sources'][0]}")
        protos = [r["protocol"]] if "protocol" in r else ["tcp", "udp", "sctp"]
        for k, p in enumerate(protos):
            q = m + [f"ip_proto {p}"]
            if "ports" in r: q.append(f"dst_port {r['ports'][0]}" + (f"-{r['ports'][1]}" if r['ports'][1] != r['ports'][0] else ""))
            sh(f"tc -n d filter add dev d0 ingress prio {10 + 10 * n + k} protocol {'ipv6' if six else 'ip'} flower {' '.join(q)} action skbedit mark {r['mark']}")
    for r in rules: T.events.append({"mark": r})

def service(T, line, servers, extra=""):
    key = " ".join(line.split()[:2]) + (" -6" if " -6" in line else "")
    T.cmd(f"-A {line}")
    for n, *w in servers:
        a = rs_ip6(n) if "[" in line or " -6" in line else rs_ip(n)
        port = key.rsplit(":", 1)[1] if ":" in key else "0"
        at = f"[{a}]" if ":" in a else a
        T.cmd(f"-a {key} -r {at + ':' + port if ':' in key else at} -g -w {w[0] if w else 1}{extra}")

def syn(T, sport, src=C, dst=VIP, dport=80, flags="S", note="", **k):
    T.frame(note or f"{flags} {src}:{sport} > {dst}:{dport}", tcp(src, sport, dst, dport, flags, **k))
def dgram(T, sport, src=C, dst=VIP, dport=53, note="", **k):
    T.frame(note or f"udp {src}:{sport} > {dst}:{dport}", udp(src, sport, dst, dport, **k))

# ---------------------------------------------------------------- frames
def ip4(src, dst, proto, payload, ttl=64, flags_off=0x4000, ipid=7, options=b"", tos=0):
    n = 20 + len(options)
    h = struct.pack("!BBHHHBBH", 0x40 | n // 4, tos, n + len(payload), ipid, flags_off, ttl, proto, 0) + a2b(src) + a2b(dst) + options
    return h[:10] + struct.pack("!H", csum(h)) + h[12:] + payload
def ip6(src, dst, proto, payload, hl=64):
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, hl) + a2b(src) + a2b(dst) + payload
def tcph(src, sport, dst, dport, flags, data=b"", seq=1000, ack=0):
    fl = sum({**F, "U": 32}[c] for c in flags)
    h = struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, fl, 65535, 0, 0) + data
    return h[:16] + struct.pack("!H", csum(pseudo(src, dst, 6, len(h)) + h)) + h[18:]
def to_d(payload): return eth(GATEWAY_MAC, payload, payload[0] >> 4 == 6)
def crc32c(b):
    c = 0xffffffff
    for x in b:
        c ^= x
        for _ in range(8): c = c >> 1 ^ (0x82f63b78 if c & 1 else 0)
    return struct.pack("<I", c ^ 0xffffffff)
INIT, IACK, CECHO, CACK, DATA, SACK, HB, HBACK, ABORT, SHUT, SHACK, ERR, SHCOM = 1, 2, 10, 11, 0, 3, 4, 5, 6, 7, 8, 9, 14
NAMES = {0: "DATA", 1: "INIT", 2: "INIT-ACK", 3: "SACK", 4: "HEARTBEAT", 5: "HEARTBEAT-ACK", 6: "ABORT", 7: "SHUTDOWN", 8: "SHUTDOWN-ACK", 9: "ERROR",
         10: "COOKIE-ECHO", 11: "COOKIE-ACK", 12: "ECNE", 13: "CWR", 14: "SHUTDOWN-COMPLETE", 15: "AUTH", 128: "ASCONF-ACK", 192: "FORWARD-TSN", 193: "ASCONF"}
def chunk(t, body=b"\0" * 16, length=None): 
    h = struct.pack("!BBH", t, 0, 4 + len(body) if length is None else length) + body
    return h + b"\0" * (-len(h) % 4)
def sctph(sport, dport, *chunks, cut=None):
    h = struct.pack("!HHII", sport, dport, 0 if chunks and chunks[0][0] == 1 else 7, 0) + b"".join(chunks)
    h = h[:8] + crc32c(h) + h[12:]
    return h[:cut]
def assoc(T, sport, *types, src=C, dst=VIP, dport=5060, note=""):
    six = ":" in src
    p = sctph(sport, dport, *[chunk(t) if isinstance(t, int) else t for t in types])
    names = "+".join(NAMES.get(t if isinstance(t, int) else t[0], "?") for t in types)
    T.frame(note or f"{names} {src}:{sport} > {dst}:{dport}", to_d((ip6 if six else ip4)(src, dst, 132, p)))
def icmp4(src, dst, typ, code, body, rest=0, ok=True, **k):
    h = struct.pack("!BBHI", typ, code, 0, rest) + body
    h = h[:2] + struct.pack("!H", csum(h) if ok else 0x1234) + h[4:]
    return to_d(ip4(src, dst, 1, h, **k))
def icmp6(src, dst, typ, code, body, rest=0, ok=True, hl=64):
    h = struct.pack("!BBHI", typ, code, 0, rest) + body
    h = h[:2] + struct.pack("!H", csum(pseudo(src, dst, 58, len(h)) + h) if ok else 0x1234) + h[4:]
    return to_d(ip6(src, dst, 58, h, hl))
def ext(nxt, body): return bytes([nxt, (len(body) + 2) // 8 - 1]) + body
PADN = b"\x01\x04\0\0\0\0"
def frag6(nxt, off, more, ident): return struct.pack("!BBHI", nxt, 0, off | more, ident)

CASES = []
def case(name, about):
    def add(f): CASES.append({"name": name, "about": about, "run": f}); return f
    return add
def traffic_cases(): return [{**c, "run": timed(c["run"])} for c in CASES]

class Timed(list):
    """A guest is slow: what its commands take is recorded as time that passes, before the next frame."""
    def __init__(self): self.last, self.pending = time.monotonic(), 0
    def append(self, event):
        now = time.monotonic(); elapsed, self.last = now - self.last, now
        if "waitSec" in event: event, elapsed, self.pending = {"waitSec": round(self.pending + elapsed, 2)}, 0, 0
        elif "frame" in event and self.pending >= 0.05: super().append({"waitSec": round(self.pending, 2)}); self.pending = 0
        self.pending += elapsed
        super().append(event)
def drain(self, wait):
    """As the recorder's, but of packets with a hop-by-hop header only MLD is left out."""
    got, end = [], time.monotonic() + wait
    while True:
        r, _, _ = select.select([self.s], [], [], max(end - time.monotonic(), 0))
        if not r: return got
        f, addr = self.s.recvfrom(65535)
        if addr[2] == socket.PACKET_OUTGOING or f[12:14] not in (b"\x08\x00", b"\x86\xdd"): continue
        if f[12:14] == b"\x86\xdd" and (f[20] == 0 and f[54] == 58 or f[20] == 58 and f[54] >= 130): continue
        got.append(f); end = time.monotonic() + 0.004
def timed(run):
    def go(T): T.events = Timed(); T.w.__class__.drain = drain; run(T)
    return go

# ================================================================ 1 udp
@case("udp", "several clients, repeated datagrams, other ports, lists and counters")
def _(T):
    unlimited(T)
    service(T, f"-u {VIP}:53 -s rr", [(11,), (12,), (13,)])
    for sport in (40001, 40002, 40003, 40001, 40002, 40004, 40001): dgram(T, sport)
    for sport in (40001, 40002): dgram(T, sport, src=D)
    T.list(); T.conns()
    dgram(T, 40001, dport=54); dgram(T, 40001, dst=VIP2); syn(T, 40001, dport=53)
    dgram(T, 40009, data=b""); dgram(T, 40010, data=b"y" * 1200)
    T.list(); T.conns()
    T.cmd(f"-e -u {VIP}:53 -r {rs_ip(11)}:53 -g -w 0")
    for sport in (40001, 40002, 40003, 40020, 40021, 40022): dgram(T, sport)
    T.cmd(f"-d -u {VIP}:53 -r {rs_ip(12)}:53")
    for sport in (40001, 40002, 40003, 40030, 40031): dgram(T, sport)
    T.list(); T.conns()
    T.wait(2.6); T.cmd(f"-L -n --stats -u {VIP}:53"); T.cmd("-Z"); T.list(); T.conns(); dgram(T, 40003); T.wait(2.6); T.cmd(f"-L -n --stats -u {VIP}:53")

@case("udp timeouts", "--set 0 0 2: connections get it with their next packet, expire, and are scheduled anew")
def _(T):
    service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)])
    dgram(T, 40001); dgram(T, 40002); T.cmd("--set 0 0 2"); T.cmd("-L --timeout"); dgram(T, 40002); dgram(T, 40003); T.conns()
    T.wait(3.2); T.list(); T.conns()
    for sport in (40001, 40002, 40003): dgram(T, sport)
    T.list(); T.conns()
    T.wait(1.5); dgram(T, 40002); T.wait(1.5); T.conns(); dgram(T, 40002); T.cmd("--set 0 0 0"); T.cmd("-L --timeout")
    T.cmd("--set 20 5 100"); dgram(T, 40002); dgram(T, 40004); T.conns(); T.cmd("-L --timeout")

for s in ("wlc", "lc", "sed", "nq", "wrr", "fo", "ovf", "sh", "dh", "mh"):
    def run(T, s=s):
        service(T, f"-u {VIP}:53 -s {s}", [(11, 3), (12, 1), (13, 2)])
        r = random.Random(s)
        for sport in range(41001, 41019): dgram(T, sport if r.random() < .8 else 41002, src=f"10.10.{r.randint(1, 3)}.{r.randint(2, 5)}")
        T.list(); T.conns()
    CASES.append({"name": f"udp {s}", "about": f"udp over weights 3, 1, 2 by {s}", "run": run})

@case("udp one-packet with lc and persistence", "-o counts nowhere; -o -p has templates only")
def _(T):
    T.cmd(f"-A -u {VIP}:53 -s wlc -o")
    for n in (11, 12): T.cmd(f"-a -u {VIP}:53 -r {rs_ip(n)} -g")
    for sport in (40001, 40001, 40002, 40003): dgram(T, sport)
    T.list(); T.conns()
    T.cmd(f"-A -u {VIP}:54 -s rr -o -p 100")
    for n in (11, 12, 13): T.cmd(f"-a -u {VIP}:54 -r {rs_ip(n)} -g")
    for sport, src in ((40001, C), (40002, C), (40001, D), (40001, "10.10.2.8"), (40003, C), (40002, D)): dgram(T, sport, src=src, dport=54)
    T.list(); T.conns()
    T.cmd(f"-e -u {VIP}:54 -r {rs_ip(13)} -g -w 0"); dgram(T, 40010, dport=54); dgram(T, 40011, src="10.10.3.3", dport=54)
    T.cmd(f"-E -u {VIP}:54 -s rr -p 100"); dgram(T, 40010, dport=54); dgram(T, 40011, src="10.10.3.3", dport=54)
    T.list(); T.conns()

# ================================================================ 2 sctp
@case("sctp", "associations from INIT to SHUTDOWN-COMPLETE, lists after each step")
def _(T):
    unlimited(T)
    service(T, f"--sctp-service {VIP}:5060 -s rr", [(11,), (12,), (13,)])
    for c in (INIT, CECHO, DATA, SACK, HB, HBACK, ERR, SHUT, SACK, SHCOM):
        assoc(T, 40001, c); T.list(); T.conns()
    assoc(T, 40001, INIT, note="INIT after CLOSED"); T.list(); T.conns()
    assoc(T, 40002, INIT); assoc(T, 40002, INIT); assoc(T, 40002, CECHO, DATA); assoc(T, 40002, SHACK); T.list(); T.conns()
    assoc(T, 40003, INIT); assoc(T, 40003, ABORT); T.list(); T.conns(); assoc(T, 40003, INIT)
    assoc(T, 40004, INIT); assoc(T, 40004, CECHO, ABORT, note="COOKIE-ECHO with ABORT behind it"); T.conns()
    assoc(T, 40005, INIT); assoc(T, 40005, CACK, ABORT); assoc(T, 40006, INIT); assoc(T, 40006, DATA, ABORT); T.list(); T.conns()
    for c in (DATA, CECHO, IACK, CACK, SACK, HB, SHUT, SHACK, SHCOM, ERR, ABORT): assoc(T, 40100 + c, c, note=f"{NAMES[c]} first")
    assoc(T, 40007, INIT, dport=5061); assoc(T, 40008, INIT, dst=VIP2); T.list(); T.conns()

PREFIX = {"INIT1": [INIT], "INIT": [INIT, INIT], "C-ECHOED": [INIT, IACK], "ESTABLISHED": [INIT, CECHO], "S-RECEIVED": [INIT, CECHO, SHUT], "CLOSED": [INIT, ABORT]}
for name, prefix in PREFIX.items():
    def run(T, name=name, prefix=prefix):
        service(T, f"--sctp-service {VIP}:5060 -s rr", [(11,), (12,)])
        T.sysctl("net.ipv4.vs.conn_reuse_mode", 0)
        for c in NAMES:
            for p in prefix: assoc(T, 41000 + c, p)
            assoc(T, 41000 + c, c, note=f"{NAMES[c]} in {name}")
            if c in (4, 9, 14): T.conns()
        T.list(); T.conns()
    CASES.append({"name": f"sctp chunks in {name}", "about": f"every chunk in state {name}, conn_reuse_mode 0", "run": run})

@case("sctp sloppy", "sloppy_sctp=1: which first chunks open an association")
def _(T):
    unlimited(T)
    service(T, f"--sctp-service {VIP}:5060 -s wlc", [(11,), (12,)])
    T.sysctl("net.ipv4.vs.sloppy_sctp", 1)
    for c in NAMES: assoc(T, 42000 + c, c, note=f"{NAMES[c]} first")
    T.list(); T.conns()
    assoc(T, 42500, CECHO, ABORT, note="COOKIE-ECHO with ABORT first"); assoc(T, 42501, DATA, ABORT, note="DATA with ABORT first"); assoc(T, 20, DATA, note="from port 20")
    T.conns()

@case("sctp reuse and timeouts", "INIT on what is over; conn_reuse_mode; INIT1 lives 4 s")
def _(T):
    service(T, f"--sctp-service {VIP}:5060 -s rr", [(11,), (12,), (13,)])
    for mode in (0, 1, 2, 3):
        T.sysctl("net.ipv4.vs.conn_reuse_mode", mode)
        p = 43000 + 10 * mode
        for k, pre in enumerate(([INIT, ABORT], [INIT, CECHO], [INIT, CECHO, SHUT], [INIT, CECHO, SHUT, SHCOM])):
            for c in pre: assoc(T, p + k, c)
            assoc(T, p + k, INIT, note=f"INIT again, mode {mode}")
    T.list(); T.conns()
    assoc(T, 43900, INIT); T.conns(); T.wait(5.2); T.conns(); T.list(); assoc(T, 43900, INIT); assoc(T, 43900, CECHO); T.conns()

@case("sctp persistence", "templates and associations")
def _(T):
    service(T, f"--sctp-service {VIP}:5060 -s wlc -p 100", [(11,), (12,)])
    for src in (C, D, C):
        for sport in (44001, 44002): assoc(T, sport, INIT, src=src)
    assoc(T, 44001, CECHO); T.list(); T.conns(); assoc(T, 44001, ABORT); assoc(T, 44001, INIT); T.list(); T.conns()

@case("sctp cut", "packets that end early, of new and of known associations")
def _(T):
    unlimited(T)
    service(T, f"--sctp-service {VIP}:5060 -s rr", [(11,), (12,)])
    for n in (0, 3, 4, 7, 8, 11, 12, 13, 15, 16): T.frame(f"new, {n} bytes", to_d(ip4(C, VIP, 132, sctph(45000 + n, 5060, chunk(INIT), cut=n))))
    T.list(); T.conns()
    assoc(T, 45100, INIT); assoc(T, 45100, CECHO)
    for n in (3, 4, 8, 12, 15): T.frame(f"known, {n} bytes", to_d(ip4(C, VIP, 132, sctph(45100, 5060, chunk(ABORT), cut=n))))
    T.conns()
    assoc(T, 45100, chunk(CECHO, length=3), chunk(ABORT), note="COOKIE-ECHO of length 3, ABORT behind"); T.conns()
    assoc(T, 45100, chunk(CECHO, b"abc"), chunk(ABORT), note="COOKIE-ECHO of odd length, ABORT behind"); T.conns()

# ================================================================ 3 persistence
@case("persistence netmask", "client networks share a template")
def _(T):
    service(T, f"-t {V} -s rr -p 300 -M 255.255.255.0", [(11,), (12,), (13,)])
    for a in ("10.10.1.9", "10.10.1.77", "10.10.2.1", "10.10.2.200", "10.10.3.4", "10.10.1.200"): syn(T, 40001, src=a)
    T.list(); T.conns()
    syn(T, 40001, flags="A"); T.conns()
    service(T, f"-t {VIP}:81 -s rr -p 300 -M 255.0.0.0", [(11,), (12,)])
    for a in ("10.10.1.9", "10.99.1.9", "11.0.0.1", "10.10.2.1"): syn(T, 40001, src=a, dport=81)
    service(T, f"-t {VIP}:82 -s rr -p 300 -M 255.0.255.0", [(11,), (12,)])
    for a in ("10.10.1.9", "10.99.1.10", "10.10.2.9", "10.98.1.1"): syn(T, 40001, src=a, dport=82)
    T.list(); T.conns(); T.cmd("-L -n --persistent-conn"); T.cmd(f"-L -n -t {V}"); T.cmd("-S -n")

@case("persistence ipv6", "prefixes of 64, 48 and 128 bits")
def _(T):
    T.cmd(f"-A -t {V6} -s rr -p 300 -M 64"); T.cmd(f"-A -t [{VIP6}]:81 -s rr -p 300 -M 48"); T.cmd(f"-A -t [{VIP6}]:82 -s rr -p 300")
    for p in (80, 81, 82):
        for n in (11, 12): T.cmd(f"-a -t [{VIP6}]:{p} -r [{rs_ip6(n)}]:{p} -g")
        for a in ("fd00:20::9", "fd00:20::a:9", "fd00:20:0:1::9", "fd00:21::9", "fd00:20::9"): syn(T, 40001, src=a, dst=VIP6, dport=p)
    syn(T, 40001, src="fd00:20::9", dst=VIP6, flags="A")
    T.list(); T.conns()

@case("persistence of all ports", "port 0 services share a template for each protocol; an exact service goes first")
def _(T):
    unlimited(T)
    service(T, f"-t {VIP}:0 -s rr -p 300", [(11,), (12,), (13,)]); service(T, f"-u {VIP}:0 -s rr -p 300", [(11,), (12,), (13,)])
    for port in (80, 443, 8080, 21, 20): syn(T, 40001, dport=port)
    for port in (53, 123): dgram(T, 40001, dport=port); dgram(T, 40001, src=D, dport=port)
    syn(T, 40001, src=D, dport=443); syn(T, 40001, src=D, dport=80)
    T.list(); T.conns()
    service(T, f"-t {V} -s rr -p 200", [(14,)])
    syn(T, 40002, dport=80); syn(T, 40002, dport=443); syn(T, 40003, src=D, dport=0, note="to port 0"); dgram(T, 40003, dport=0)
    syn(T, 40001, dst=VIP2); T.list(); T.conns()

@case("port 0 without persistence", "a service for all ports that is not persistent")
def _(T):
    unlimited(T)
    T.cmd(f"-A -t {VIP}:0 -s rr"); T.cmd(f"-A -t {VIP}:0 -s rr -p 10"); T.cmd(f"-a -t {VIP}:0 -r {rs_ip(11)} -g")
    syn(T, 40001); syn(T, 40002); T.list()
    T.cmd(f"-E -t {VIP}:0 -s rr"); T.list(); syn(T, 40003); syn(T, 40001, flags="A"); syn(T, 40004, dport=0); T.list(); T.conns()

@case("ftp", "port 21 and its data connections, persistent")
def _(T):
    unlimited(T)
    service(T, f"-t {VIP}:21 -s rr -p 300", [(11,), (12,), (13,)])
    for src in (C, D, "10.10.3.3"): syn(T, 40001, src=src, dport=21)
    for src in (D, C): 
        for port in (50000, 1024, 1023, 20, 22, 80): syn(T, 40002, src=src, dport=port)
    syn(T, 40003, src="10.10.4.4", dport=50001, note="data first"); syn(T, 40003, src="10.10.4.4", dport=21)
    dgram(T, 40003, dport=50000); T.list(); T.conns()
    syn(T, 20, dport=50000, note="from port 20 to a data port"); syn(T, 20, dport=21); syn(T, 40001, dport=21, flags="A"); T.conns()
    T.cmd(f"-E -t {VIP}:21 -s rr"); syn(T, 40010, dport=21); syn(T, 40010, dport=50000, note="data, no longer persistent"); T.list()
    T.cmd(f"-E -t {VIP}:21 -s rr -p 300")
    for n in (11, 12, 13): T.cmd(f"-e -t {VIP}:21 -r {rs_ip(n)}:21 -g -w 0")
    syn(T, 40011, src="10.10.5.5", dport=21, note="control, all quiesced"); syn(T, 40011, src="10.10.5.5", dport=50002, note="data, all quiesced"); syn(T, 40012, dport=50003, note="data of a known client")
    T.list(); T.conns()

@case("ftp and a service on a high port", "the exact service goes before the data ports")
def _(T):
    unlimited(T)
    service(T, f"-t {VIP}:21 -s rr -p 300", [(11,)]); service(T, f"-t {VIP}:8080 -s rr", [(12,)]); service(T, f"-t {VIP}:0 -s rr -p 300", [(13,)])
    for port in (21, 8080, 50000, 80, 20, 1023): syn(T, 40001, dport=port)
    T.list(); T.conns(); T.cmd(f"-D -t {VIP}:21")
    for port in (21, 8080, 50000, 20): syn(T, 40002, dport=port)
    T.list(); T.conns()

@case("persistence of several services", "each service has its own template of a client")
def _(T):
    for line in (f"-t {V} -s rr -p 300", f"-t {VIP}:443 -s rr -p 200", f"-t {VIP2}:80 -s rr -p 300"): service(T, line, [(11,), (12,), (13,)])
    service(T, f"-u {VIP}:53 -s rr -p 100", [(11,), (12,)])
    syn(T, 40001); syn(T, 40001, src=D); syn(T, 40001, dport=443); syn(T, 40002, dport=443); syn(T, 40001, dst=VIP2); syn(T, 40002); dgram(T, 40001); dgram(T, 40002)
    syn(T, 40003, src=D, dport=443); T.list(); T.conns()
    syn(T, 40001, dport=443, flags="A"); syn(T, 40001, dport=443, flags="FA"); dgram(T, 40001); T.list(); T.conns()

@case("persistence and quiescence", "weight 0, expire_quiescent_template, invalidated templates")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr -p 300", [(11,), (12,)])
    for src in (C, D): syn(T, 40001, src=src); syn(T, 40001, src=src, flags="A")
    T.conns(); T.cmd(f"-e -t {V} -r {rs_ip(12)}:80 -g -w 0")
    for src in (C, D, "10.10.3.3"): syn(T, 40002, src=src)
    T.list(); T.conns(); T.sysctl("net.ipv4.vs.expire_quiescent_template", 1); T.conns()
    for src in (C, D, "10.10.3.3"): syn(T, 40003, src=src)
    T.list(); T.conns()
    syn(T, 40001, flags="A"); syn(T, 40002, flags="FA"); T.cmd(f"-e -t {V} -r {rs_ip(12)}:80 -g -w 1"); syn(T, 40004); T.list(); T.conns()
    for n in (11, 12): T.cmd(f"-e -t {V} -r {rs_ip(n)}:80 -g -w 0")
    syn(T, 40005); syn(T, 40005, src="10.10.4.4"); T.list(); T.conns()

for e in (0, 1):
    def run(T, e=e):
        service(T, f"-t {V} -s rr -p 300", [(11,), (12,), (13,)])
        T.sysctl("net.ipv4.vs.expire_nodest_conn", e)
        for src in (C, D, "10.10.3.3"): syn(T, 40001, src=src)
        syn(T, 40001, flags="A"); T.conns(); T.cmd(f"-d -t {V} -r {rs_ip(13)}:80"); T.wait(0.3); T.list(); T.conns()
        syn(T, 40001, flags="A", note="of the removed server"); syn(T, 40002, note="another of its client"); syn(T, 40002, flags="A"); T.list(); T.conns()
        T.cmd(f"-d -t {V} -r {rs_ip(12)}:80"); T.wait(0.3); syn(T, 40002, src=D); T.list(); T.conns()
        T.cmd(f"-a -t {V} -r {rs_ip(13)}:80 -g"); T.list(); syn(T, 40003); syn(T, 40001, flags="A"); T.list(); T.conns()
    CASES.append({"name": f"persistence and removed servers, expire_nodest_conn {e}", "about": "templates of a server that is deleted, and added again", "run": run})

@case("persistence template expiry", "-p 2: a template lives on while connections depend on it")
def _(T):
    service(T, f"-t {V} -s rr -p 2", [(11,), (12,), (13,)])
    T.cmd("--set 0 3 0")
    syn(T, 40001); syn(T, 40001, src=D); syn(T, 40001, src=D, flags="A"); T.conns(); T.wait(1.5); syn(T, 40002, note="within its time"); T.conns(); T.wait(3.6); T.conns(); T.list()
    syn(T, 40003, note="after it was prolonged"); T.conns(); syn(T, 40001, src=D, flags="FA"); T.wait(4.2); T.conns(); T.list()
    syn(T, 40004, src=D); T.list(); T.conns()

@case("persistence template without connections", "-p 2 with short datagrams: the template goes, and the client is scheduled anew")
def _(T):
    T.cmd("--set 0 0 1")
    service(T, f"-u {VIP}:53 -s rr -p 4", [(11,), (12,), (13,)])
    dgram(T, 40001); dgram(T, 40002, src=D); T.conns(); T.wait(2.2); T.conns(); T.list(); dgram(T, 40003); T.wait(2.6); T.conns(); dgram(T, 40004); dgram(T, 40004, src=D); T.conns(); T.list()

@case("persistence and thresholds", "a full server keeps its clients")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr -p 300", [(11,), (12,)], " -x 2 -y 1")
    for sport in (40001, 40002, 40003, 40004): syn(T, sport)
    for src in (D, "10.10.3.3", "10.10.4.4"): syn(T, 40001, src=src)
    T.list(); T.conns(); syn(T, 40002, src=D); syn(T, 40001, src="10.10.5.5"); T.list(); T.cmd("-L -n --thresholds"); T.cmd("-L -n --persistent-conn")
    T.cmd(f"-e -t {V} -r {rs_ip(11)}:80 -g -x 9"); syn(T, 40001, src="10.10.6.6"); T.list(); T.conns()

@case("persistence edited", "-E changes timeout, mask and scheduler under templates")
def _(T):
    service(T, f"-t {V} -s rr -p 300", [(11,), (12,), (13,)])
    for src in (C, D): syn(T, 40001, src=src)
    T.cmd(f"-E -t {V} -s rr -p 50"); T.conns(); syn(T, 40002); syn(T, 40001, src="10.10.3.3"); T.conns(); T.list()
    T.cmd(f"-E -t {V} -s rr -p 50 -M 255.255.0.0"); syn(T, 40003); syn(T, 40003, src=D); syn(T, 40003, src="10.11.3.3"); T.conns()
    T.cmd(f"-E -t {V} -s wlc"); syn(T, 40004); syn(T, 40004, src=D); T.conns(); T.list()
    T.cmd(f"-E -t {V} -s wlc -p 80"); syn(T, 40005); syn(T, 40005, src=D); T.list(); T.conns()
    T.cmd(f"-D -t {V}"); T.conns(); service(T, f"-t {V} -s rr -p 70", [(11,), (12,)]); T.list(); syn(T, 40006); syn(T, 40006, src="10.10.9.9"); T.list(); T.conns()

@case("persistence and reuse of a port", "a connection with a template is not scheduled anew")
def _(T):
    service(T, f"-t {V} -s rr -p 300", [(11,), (12,)])
    for mode in (1, 3):
        T.sysctl("net.ipv4.vs.conn_reuse_mode", mode)
        for k, pre in enumerate((["S", "A", "R"], ["S", "A", "FA"], ["S", "FA"])):
            for f in pre: syn(T, 40000 + 10 * mode + k, flags=f)
            syn(T, 40000 + 10 * mode + k, note="again")
    T.list(); T.conns(); T.cmd(f"-e -t {V} -r {rs_ip(12)}:80 -g -w 0"); T.sysctl("net.ipv4.vs.expire_nodest_conn", 1); syn(T, 40010, note="again, weight 0"); T.list(); T.conns()

@case("persistence schedulers", "who chooses for templates: wlc and lc see connections, sh the client")
def _(T):
    for k, s in enumerate(("wlc", "lc", "sed", "nq", "wrr", "sh", "mh", "dh", "fo", "ovf")):
        port = 8000 + k
        service(T, f"-t {VIP}:{port} -s {s} -p 100", [(11, 1), (12, 2), (13, 3)])
        for n in range(1, 6): 
            for sport in (40001, 40002): syn(T, sport, src=f"10.10.{n}.{n}", dport=port)
    T.list()

# ================================================================ 4 firewall marks
HTTP = {"mark": 1, "protocol": "tcp", "destination": VIP, "ports": [80, 80]}
HTTPS = {"mark": 1, "protocol": "tcp", "destination": VIP, "ports": [443, 443]}

@case("marks", "ports 80 and 443 are one service; the mark goes before the exact service")
def _(T):
    unlimited(T)
    mark(T, HTTP, HTTPS, {"mark": 2, "protocol": "udp", "destination": VIP, "ports": [5000, 5010]}, {"mark": 9, "destination": VIP2})
    T.cmd("-A -f 1 -s rr")
    for n in (11, 12, 13): T.cmd(f"-a -f 1 -r {rs_ip(n)} -g")
    for port in (80, 443, 80, 443, 8080): syn(T, 40001, dport=port); syn(T, 40002, dport=port)
    T.list(); T.conns()
    service(T, f"-t {V} -s rr", [(14,)]); service(T, f"-t {VIP}:8080 -s rr", [(15,)])
    syn(T, 40003); syn(T, 40003, dport=8080); syn(T, 40001, flags="A"); syn(T, 40001, dport=443, flags="A"); syn(T, 40004, flags="A")
    T.cmd("-A -f 2 -s rr -o"); T.cmd(f"-a -f 2 -r {rs_ip(11)} -g"); T.cmd(f"-a -f 2 -r {rs_ip(12)} -g")
    for port in (5000, 5005, 5010, 5011, 4999): dgram(T, 40001, dport=port); dgram(T, 40001, dport=port)
    dgram(T, 40001, dst=VIP2, note="a mark without a service"); syn(T, 40001, dst=VIP2)
    T.list(); T.conns(); T.cmd("-D -f 1"); syn(T, 40005); syn(T, 40005, dport=443); syn(T, 40001, dport=443, flags="A"); T.list(); T.conns()

@case("marks and server ports", "servers of a mark with a port of their own")
def _(T):
    mark(T, HTTP, HTTPS, {"mark": 1, "protocol": "udp", "destination": VIP})
    T.cmd("-A -f 1 -s rr"); T.cmd(f"-a -f 1 -r {rs_ip(11)}:8080 -g"); T.cmd(f"-a -f 1 -r {rs_ip(12)} -g"); T.cmd(f"-a -f 1 -r {rs_ip(11)}:8081 -g")
    for port in (80, 443): 
        for sport in (40001, 40002, 40003): syn(T, sport, dport=port)
    dgram(T, 40001); T.list(); T.conns()
    T.cmd("-E -f 1 -s rr -p 100")
    for port in (80, 443): 
        for sport in (40011, 40012): syn(T, sport, dport=port); syn(T, sport, src=D, dport=port); syn(T, sport, src="10.10.3.3", dport=port)
    dgram(T, 40011); T.list(); T.conns()

@case("marks and persistence", "a template for all protocols and ports of a mark")
def _(T):
    unlimited(T)
    mark(T, HTTP, HTTPS, {"mark": 1, "protocol": "udp", "destination": VIP}, {"mark": 3, "protocol": "tcp", "destination": VIP2}, {"mark": 1, "protocol": "tcp", "destination": VIP, "ports": [21, 21]})
    T.cmd("-A -f 1 -s rr -p 300 -M 255.255.255.0")
    for n in (11, 12, 13): T.cmd(f"-a -f 1 -r {rs_ip(n)} -g")
    for src in (C, D, "10.10.1.10", C):
        for port in (80, 443): syn(T, 40001, src=src, dport=port)
        dgram(T, 40001, src=src)
    syn(T, 40002, src="10.10.9.9", dport=443); syn(T, 40001, dport=443, flags="A"); syn(T, 40001, dport=21); syn(T, 40001, dport=50000)
    T.list(); T.conns()
    T.cmd("-A -f 3 -s rr -p 100")
    for n in (11, 12): T.cmd(f"-a -f 3 -r {rs_ip(n)} -g")
    for port in (80, 22, 50000): syn(T, 40001, dst=VIP2, dport=port); syn(T, 40001, src=D, dst=VIP2, dport=port)
    T.list(); T.conns(); T.sysctl("net.ipv4.vs.expire_quiescent_template", 1); T.cmd(f"-e -f 3 -r {rs_ip(12)} -g -w 0"); syn(T, 40003, dst=VIP2); T.conns(); T.list()

@case("marks by client", "marks by source network, ipv6 marks")
def _(T):
    unlimited(T)
    mark(T, {"mark": 5, "protocol": "tcp", "destination": VIP, "sources": ["10.10.2.0/24"]}, {"mark": 6, "protocol": "tcp", "destination": VIP}, {"mark": 5, "protocol": "tcp", "destination": VIP6, "ports": [80, 443]})
    T.cmd("-A -f 5 -s rr"); T.cmd(f"-a -f 5 -r {rs_ip(11)} -g"); T.cmd("-A -f 6 -s rr"); T.cmd(f"-a -f 6 -r {rs_ip(12)} -g")
    T.cmd("-A -f 5 -6 -s rr -p 60"); T.cmd(f"-a -f 5 -6 -r [{rs_ip6(13)}] -g"); T.cmd(f"-a -f 5 -6 -r [{rs_ip6(14)}] -g")
    for src in (C, D): syn(T, 40001, src=src); syn(T, 40001, src=src, dport=99)
    for port in (80, 443, 81, 444): syn(T, 40001, src=E6, dst=VIP6, dport=port)
    syn(T, 40001, src="fd00:21::9", dst=VIP6, dport=443); T.list(); T.conns()

@case("marks and icmp errors", "an error about a connection of a mark")
def _(T):
    unlimited(T)
    mark(T, HTTP, {"mark": 2, "protocol": "tcp", "destination": VIP, "ports": [443, 443]})
    T.cmd("-A -f 1 -s rr"); T.cmd(f"-a -f 1 -r {rs_ip(11)}:8080 -g"); T.cmd("-A -f 2 -s rr")
    syn(T, 40001); inner = ip4(VIP, C, 6, tcph(VIP, 80, C, 40001, "A"))
    T.frame("need to fragment", icmp4("10.10.9.9", VIP, 3, 4, inner[:28], 1400)); T.frame("of none", icmp4("10.10.9.9", VIP, 3, 4, ip4(VIP, C, 6, tcph(VIP, 80, C, 40002, "A"))[:28], 1400))
    syn(T, 40001, dport=443, note="a mark without servers"); syn(T, 20, note="from port 20"); T.list(); T.conns()

# ================================================================ 5 settings
PATHS = {"SYN": "S", "SYN ACK": "S A", "SYN FIN": "S FA", "SYN ACK FIN": "S A FA", "SYN ACK RST": "S A R", "SYN RST": "S R", "SYN SYN": "S S"}
for mode in (0, 3):
    def run(T, mode=mode):
        unlimited(T)
        service(T, f"-t {V} -s wlc", [(11, 1), (12, 1)]); T.sysctl("net.ipv4.vs.secure_tcp", mode); T.sysctl("net.ipv4.vs.conn_reuse_mode", 0)
        port = 40000
        for name, path in PATHS.items():
            for last in ("S", "A", "FA", "F", "R", "RA", "SA", "PA", "SF", "SR", "P", ""):
                port += 1
                for f in path.split(): syn(T, port, flags=f)
                syn(T, port, flags=last, note=f"{last or 'no flags'} after {name}")
            T.list(); T.conns()
        syn(T, 49001, flags="A"); syn(T, 49002, flags="SA"); syn(T, 49003, flags="SR"); syn(T, 49004, flags="SFA"); syn(T, 49005, flags="SPA"); T.conns()
    CASES.append({"name": f"secure_tcp {mode}", "about": "each state by each kind of packet", "run": run})

@case("secure_tcp sloppy", "sloppy_tcp with secure_tcp, switched with live connections")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); syn(T, 40001); syn(T, 40002); syn(T, 40002, flags="A"); T.sysctl("net.ipv4.vs.secure_tcp", 3); T.sysctl("net.ipv4.vs.sloppy_tcp", 1)
    for k, f in enumerate(("A", "FA", "R", "PA", "", "SA", "RA", "P")): syn(T, 40010 + k, flags=f)
    syn(T, 40001); syn(T, 40001, flags="A"); syn(T, 40002, flags="FA"); syn(T, 40002); T.list(); T.conns(); T.sysctl("net.ipv4.vs.secure_tcp", 0); syn(T, 40002); syn(T, 40010, flags="FA"); syn(T, 40010); T.conns()

@case("sloppy_tcp", "what opens a connection, with what state")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); T.sysctl("net.ipv4.vs.sloppy_tcp", 1)
    for k, f in enumerate(("A", "F", "FA", "R", "RA", "P", "PA", "", "S", "SA", "SF", "SR", "U")): T.frame(f"{f or 'no flags'} first", to_d(ip4(C, VIP, 6, tcph(C, 40010 + k, VIP, 80, f))))
    syn(T, 20, flags="A", note="from port 20"); T.list(); T.conns(); T.sysctl("net.ipv4.vs.sloppy_tcp", 0); syn(T, 40050, flags="A"); syn(T, 40010, flags="FA"); T.conns()

for rate in (1, 3, 10):
    def run(T, rate=rate):
        unlimited(T)
        T.sysctl("net.ipv4.vs.am_droprate", rate); T.sysctl("net.ipv4.vs.drop_packet", 3)
        service(T, f"-t {V} -s rr", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)])
        for sport in range(40001, 40012): syn(T, sport)
        syn(T, 40002, flags="A"); syn(T, 20, note="from port 20"); syn(T, 40099, dport=81); syn(T, 40098, flags="A")
        for sport in range(41001, 41006): dgram(T, sport); syn(T, sport)
        T.list(); T.conns(); T.sysctl("net.ipv4.vs.drop_packet", 0)
        for sport in range(42001, 42004): syn(T, sport)
        T.sysctl("net.ipv4.vs.drop_packet", 3)
        for sport in range(43001, 43006): syn(T, sport)
        T.sysctl("net.ipv4.vs.am_droprate", rate + 2); T.wait(2.2)
        for sport in range(44001, 44016): syn(T, sport)
        T.list()
    CASES.append({"name": f"drop_packet {rate}", "about": f"drop_packet=3 with am_droprate {rate}", "run": run})

@case("drop_packet, persistent and icmp", "the counter goes on over services of all kinds")
def _(T):
    unlimited(T)
    T.sysctl("net.ipv4.vs.am_droprate", 2); T.sysctl("net.ipv4.vs.drop_packet", 3); T.sysctl("net.ipv4.vs.schedule_icmp", 1)
    service(T, f"-t {V} -s rr -p 60", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s rr", []); service(T, f"--sctp-service {VIP}:5060 -s rr", [(11,)])
    for sport in range(40001, 40006): syn(T, sport); dgram(T, sport); assoc(T, sport, INIT); assoc(T, sport, DATA)
    for k in range(3): T.frame("icmp error of none", icmp4("10.10.9.9", VIP, 3, 4, ip4(VIP, C, 6, tcph(VIP, 80, C, 41000 + k, "A"))[:28], 1400))
    T.list(); T.conns()

@case("schedule_icmp", "errors about no connection are scheduled")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s rr -p 100", [(11,), (12,)]); service(T, f"-t {VIP}:81 -s rr", [])
    def err(note, proto, port, cport, typ=3, code=4, **k):
        p = tcph(VIP, port, C, cport, "A") if proto == 6 else udp_payload(VIP, port, C, cport, b"x" * 18) if proto == 17 else sctph(port, cport, chunk(DATA))
        T.frame(note, icmp4("10.10.9.9", VIP, typ, code, ip4(VIP, C, proto, p)[:28], 1400, **k))
    err("off", 6, 80, 40001); T.sysctl("net.ipv4.vs.schedule_icmp", 1)
    err("tcp", 6, 80, 40001); err("tcp again", 6, 80, 40001); err("udp", 17, 53, 40001); err("udp again", 17, 53, 40001, 3, 3); err("time exceeded", 6, 80, 40002, 11, 0); err("source quench", 6, 80, 40003, 4, 0)
    err("no service", 6, 82, 40001); err("no servers", 6, 81, 40001); err("to port 20", 6, 80, 20); err("ttl 1", 6, 80, 40004, ttl=1); err("bad checksum", 6, 80, 40005, ok=False)
    T.list(); T.conns(); syn(T, 40001); syn(T, 40001, flags="A"); dgram(T, 40001); syn(T, 40002, flags="A"); T.list(); T.conns(); T.wait(3.3); T.conns(); T.list()
    T.frame("echo", icmp_echo(C, VIP)); T.frame("parameter problem", icmp4("10.10.9.9", VIP, 12, 0, ip4(VIP, C, 6, tcph(VIP, 80, C, 40001, "A"))[:28]))
    T.frame("about a packet to the VIP", icmp4("10.10.9.9", VIP, 3, 1, ip4(C, VIP, 6, tcph(C, 40001, VIP, 80, "A"))[:28]))

for mode in (0, 1, 2, 3):
    def run(T, mode=mode):
        service(T, f"-t {V} -s wlc", [(11,), (12,), (13,)]); T.sysctl("net.ipv4.vs.conn_reuse_mode", mode)
        port = 40000
        for name, path in PATHS.items():
            for again in ("S", "SA", "SF", "A"):
                port += 1
                for f in path.split(): syn(T, port, flags=f)
                syn(T, port, flags=again, note=f"{again} after {name}")
        T.list(); T.conns()
        T.cmd(f"-d -t {V} -r {rs_ip(12)}:80")
        for p in range(40001, port + 1): syn(T, p, note="again, one server removed")
        T.list()
    CASES.append({"name": f"conn_reuse_mode {mode}", "about": "a SYN on each state, by wlc; then with a server removed", "run": run})

@case("conn_reuse and wlc", "the old connection still counts while its successor is scheduled")
def _(T):
    service(T, f"-t {V} -s wlc", [(11,), (12,)])
    for f in ("S", "A", "R"): syn(T, 40001, flags=f)
    T.list(); syn(T, 40001, note="again"); T.list(); T.conns()
    for f in ("A", "R"): syn(T, 40001, flags=f)
    syn(T, 40001, note="and again"); T.list(); T.conns()

@case("conn_reuse and thresholds", "a server full of the old connection takes its successor or not")
def _(T):
    unlimited(T)
    T.cmd(f"-A -t {V} -s rr"); T.cmd(f"-a -t {V} -r {rs_ip(11)}:80 -g -x 1")
    for f in ("S", "A", "R"): syn(T, 40001, flags=f)
    syn(T, 40001, note="again"); T.list(); T.conns(); syn(T, 40001, note="once more"); syn(T, 40002); T.list(); T.conns()

@case("expire_nodest_conn and flush", "connections of a removed server go at once")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,), (13,)]); service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)])
    for sport in range(40001, 40007): syn(T, sport); dgram(T, sport)
    for sport in (40001, 40002): syn(T, sport, flags="A")
    T.cmd(f"-d -t {V} -r {rs_ip(13)}:80"); T.list(); T.conns(); T.sysctl("net.ipv4.vs.expire_nodest_conn", 1); T.wait(0.3); T.conns()
    syn(T, 40001, flags="A", note="of the removed server"); syn(T, 40004, note="SYN of the removed server"); T.list(); T.conns()
    T.cmd(f"-d -t {V} -r {rs_ip(12)}:80"); T.wait(0.3); T.list(); T.conns(); syn(T, 40002, flags="A"); syn(T, 40005); T.conns()
    T.cmd(f"-D -u {VIP}:53"); T.wait(0.3); T.conns(); dgram(T, 40001); T.cmd(f"-a -t {V} -r {rs_ip(12)}:80 -g"); T.list(); syn(T, 40010); T.list(); T.cmd("-C"); T.wait(0.3); T.conns(); syn(T, 40010, flags="A")

@case("expire_nodest_conn and weight 0", "a SYN on a connection of a quiesced server is scheduled anew")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); T.sysctl("net.ipv4.vs.expire_nodest_conn", 1)
    for sport in range(40001, 40005): syn(T, sport); syn(T, sport, flags="A")
    T.cmd(f"-e -t {V} -r {rs_ip(12)}:80 -g -w 0")
    for sport in range(40001, 40005): syn(T, sport, flags="A"); syn(T, sport, note="SYN again")
    T.list(); T.conns(); T.cmd(f"-e -t {V} -r {rs_ip(11)}:80 -g -w 0"); syn(T, 40001, note="SYN, all quiesced"); syn(T, 40002, flags="A"); T.list(); T.conns()

@case("host limits its answers", "more answers to one client than icmp_ratelimit has")
def _(T):
    service(T, f"-t {V} -s rr", []); service(T, f"-u {VIP}:53 -s rr", [(11,)])
    for sport in range(40001, 40011): syn(T, sport)
    syn(T, 40001, src=D); dgram(T, 40001, ); T.frame("ttl 1", to_d(ip4(C, VIP, 17, udp_payload(C, 40001, VIP, 53, b"x" * 18), ttl=1))); dgram(T, 40001, dport=99); dgram(T, 40002, src=D, dport=99)
    T.wait(1.2)
    for sport in range(40021, 40024): syn(T, sport)

# ================================================================ 6 ipv6
@case("ipv6 icmp errors", "types 1, 2, 3 and 4 about connections")
def _(T):
    unlimited(T)
    service(T, f"-t {V6} -s rr", [(11,), (12,)]); service(T, f"-u [{VIP6}]:53 -s rr", [(11,), (12,)])
    for p in (40001, 40002): syn(T, p, src=E6, dst=VIP6)
    dgram(T, 40001, src=E6, dst=VIP6)
    R = "fd00:30::1"
    def inner(cport=40001, proto=6, n=48): 
        p = tcph(VIP6, 80, E6, cport, "A") if proto == 6 else udp_payload(VIP6, 53, E6, cport, b"x" * 18)
        return ip6(VIP6, E6, proto, p)[:n]
    for typ, code, rest in ((1, 0, 0), (1, 3, 0), (1, 4, 0), (2, 0, 1280), (3, 0, 0), (3, 1, 0), (4, 0, 40), (5, 0, 0), (127, 0, 0)):
        T.frame(f"type {typ}/{code}", icmp6(R, VIP6, typ, code, inner(n=60), rest)); 
    T.frame("about udp", icmp6(R, VIP6, 2, 0, inner(40001, 17), 1280)); T.frame("about the other", icmp6(R, VIP6, 2, 0, inner(40002), 1280)); T.frame("of none", icmp6(R, VIP6, 2, 0, inner(40009), 1280))
    T.frame("inner header cut", icmp6(R, VIP6, 2, 0, inner(n=39), 1280)); T.frame("inner ports cut", icmp6(R, VIP6, 2, 0, inner(n=43), 1280)); T.frame("only ports", icmp6(R, VIP6, 2, 0, inner(n=44), 1280))
    T.frame("bad checksum", icmp6(R, VIP6, 2, 0, inner(), 1280, ok=False)); T.frame("hop limit 1", icmp6(R, VIP6, 2, 0, inner(), 1280, hl=1))
    T.frame("inner destination options", icmp6(R, VIP6, 2, 0, ip6(VIP6, E6, 60, ext(6, PADN) + tcph(VIP6, 80, E6, 40001, "A")), 1280))
    T.frame("inner first fragment", icmp6(R, VIP6, 2, 0, ip6(VIP6, E6, 44, frag6(17, 0, 1, 5) + udp_payload(VIP6, 53, E6, 40001, b"x" * 16)), 1280))
    T.frame("inner later fragment", icmp6(R, VIP6, 2, 0, ip6(VIP6, E6, 44, frag6(17, 1448, 0, 5) + udp_payload(VIP6, 53, E6, 40001, b"x" * 16)), 1280))
    T.frame("about a packet to the VIP", icmp6(R, VIP6, 1, 0, ip6(E6, VIP6, 6, tcph(E6, 40001, VIP6, 80, "A"))))
    T.frame("from multicast", icmp6("ff02::1", VIP6, 2, 0, inner(), 1280)); T.frame("behind destination options", to_d(ip6(R, VIP6, 60, ext(58, PADN) + icmp6(R, VIP6, 2, 0, inner(), 1280)[54:])))
    T.list(); T.conns(); T.sysctl("net.ipv4.vs.schedule_icmp", 1); T.frame("of none, schedule_icmp", icmp6(R, VIP6, 2, 0, inner(40010), 1280)); T.frame("of none again", icmp6(R, VIP6, 2, 0, inner(40011), 1280)); T.list(); T.conns()
    T.frame("echo", icmp6(E6, VIP6, 128, 0, b"ping" * 4, 7))

@case("ipv6 hop limit", "255, 2, 1, 0")
def _(T):
    unlimited(T)
    service(T, f"-t {V6} -s rr", [(11,), (12,)]); service(T, f"-u [{VIP6}]:53 -s rr", [(11,)])
    for hl in (255, 64, 2, 1, 0): T.frame(f"hop limit {hl}", to_d(ip6(E6, VIP6, 6, tcph(E6, 40000 + hl, VIP6, 80, "S"), hl))); T.frame(f"udp, hop limit {hl}", to_d(ip6(E6, VIP6, 17, udp_payload(E6, 40000 + hl, VIP6, 53, b"x"), hl)))
    T.list(); T.conns()
    for hl in (2, 1, 0): T.frame(f"known, hop limit {hl}", to_d(ip6(E6, VIP6, 6, tcph(E6, 40255, VIP6, 80, "A"), hl)))
    T.conns()

@case("ipv6 no server", "services that are empty or quiesced, ports without service")
def _(T):
    unlimited(T)
    T.cmd(f"-A -t {V6} -s rr"); T.cmd(f"-A -u [{VIP6}]:53 -s rr"); service(T, f"-t [{VIP6}]:81 -s rr", [(11, 0)]); T.cmd(f"-A --sctp-service [{VIP6}]:5060 -s rr")
    syn(T, 40001, src=E6, dst=VIP6); dgram(T, 40001, src=E6, dst=VIP6); syn(T, 40001, src=E6, dst=VIP6, dport=81); assoc(T, 40001, INIT, src=E6, dst=VIP6)
    syn(T, 40001, src=E6, dst=VIP6, dport=82); dgram(T, 40001, src=E6, dst=VIP6, dport=54); assoc(T, 40001, INIT, src=E6, dst=VIP6, dport=5061); syn(T, 40001, src=E6, dst=VIP6, flags="A"); T.list(); T.conns()
    service(T, f"-t [{VIP6}]:90 -s rr -p 60", [(11, 0)]); syn(T, 40001, src=E6, dst=VIP6, dport=90); T.frame("hop limit 1", to_d(ip6(E6, VIP6, 6, tcph(E6, 40001, VIP6, 80, "S"), 1)))

@case("ipv6 udp and sctp", "lists and lookups")
def _(T):
    unlimited(T)
    service(T, f"-u [{VIP6}]:53 -s rr", [(11,), (12,), (13,)]); service(T, f"--sctp-service [{VIP6}]:5060 -s wlc", [(11,), (12,)])
    for sport in (40001, 40002, 40001, 40003, 40002): dgram(T, sport, src=E6, dst=VIP6)
    dgram(T, 40001, src="fd00:20::a", dst=VIP6)
    for c in (INIT, CECHO, DATA): assoc(T, 40001, c, src=E6, dst=VIP6)
    assoc(T, 40002, INIT, src=E6, dst=VIP6); T.list(); T.conns(); assoc(T, 40001, SHUT, src=E6, dst=VIP6); T.list(); T.conns()
    f = udp(E6, 40001, VIP6, 53); T.frame("checksum 0", f[:60] + b"\0\0" + f[62:]); T.frame("bad checksum", f[:60] + b"\x12\x34" + f[62:])

@case("ipv6 extension headers", "before TCP and UDP")
def _(T):
    unlimited(T)
    service(T, f"-t {V6} -s rr", [(11,), (12,), (13,)]); service(T, f"-u [{VIP6}]:53 -s rr", [(11,), (12,)])
    def t(sport, flags="S"): return tcph(E6, sport, VIP6, 80, flags)
    rh = lambda nxt, typ=4, left=0: bytes([nxt, 0, typ, left]) + b"\0" * 4
    T.frame("hop-by-hop", to_d(ip6(E6, VIP6, 0, ext(6, PADN) + t(40001)))); T.frame("destination options", to_d(ip6(E6, VIP6, 60, ext(6, PADN) + t(40002))))
    T.frame("hop-by-hop, destination options", to_d(ip6(E6, VIP6, 0, ext(60, PADN) + ext(6, PADN + b"\x01\x06" + b"\0" * 6) + t(40003)))); T.frame("destination options twice", to_d(ip6(E6, VIP6, 60, ext(60, PADN) + ext(6, PADN) + t(40004))))
    T.frame("routing header, none left", to_d(ip6(E6, VIP6, 43, rh(6) + t(40005)))); T.frame("routing header type 0, one left", to_d(ip6(E6, VIP6, 43, rh(6, 0, 1) + t(40006)))); T.frame("routing header type 2", to_d(ip6(E6, VIP6, 43, rh(6, 2, 0) + t(40007))))
    T.frame("hop-by-hop second", to_d(ip6(E6, VIP6, 60, ext(0, PADN) + ext(6, PADN) + t(40008)))); T.frame("unknown option, skip", to_d(ip6(E6, VIP6, 0, ext(6, b"\x1e\x04\0\0\0\0") + t(40009)))); T.frame("unknown option, discard", to_d(ip6(E6, VIP6, 0, ext(6, b"\x5e\x04\0\0\0\0") + t(40010))))
    T.frame("unknown option, answer", to_d(ip6(E6, VIP6, 0, ext(6, b"\x9e\x04\0\0\0\0") + t(40011)))); T.frame("unknown destination option, discard", to_d(ip6(E6, VIP6, 60, ext(6, b"\x5e\x04\0\0\0\0") + t(40012)))); T.frame("router alert", to_d(ip6(E6, VIP6, 0, ext(6, b"\x05\x02\0\0\x01\0") + t(40013))))
    T.frame("authentication header", to_d(ip6(E6, VIP6, 51, bytes([6, 4, 0, 0]) + b"\0" * 20 + t(40014)))); T.frame("no next header", to_d(ip6(E6, VIP6, 59, t(40015)))); T.frame("unknown protocol 200", to_d(ip6(E6, VIP6, 200, t(40016))))
    T.frame("option beyond its header", to_d(ip6(E6, VIP6, 0, ext(6, b"\x01\x0c\0\0\0\0") + t(40017)))); T.frame("header beyond the packet", to_d(ip6(E6, VIP6, 0, bytes([6, 9]) + PADN + t(40018)))); T.frame("header cut", to_d(ip6(E6, VIP6, 60, b"\x06\0\x01")))
    T.frame("udp behind destination options", to_d(ip6(E6, VIP6, 60, ext(17, PADN) + udp_payload(E6, 40001, VIP6, 53, b"x" * 9)))); T.frame("known, with hop-by-hop", to_d(ip6(E6, VIP6, 0, ext(6, PADN) + t(40002, "A")))); T.frame("jumbo payload", to_d(ip6(E6, VIP6, 0, ext(6, b"\xc2\x04\0\x01\0\0") + t(40019))))
    T.frame("destination options before nothing", to_d(ip6(E6, VIP6, 60, ext(6, PADN)))); T.frame("ACK of none behind destination options", to_d(ip6(E6, VIP6, 60, ext(6, PADN) + t(40020, "A"))))
    T.list(); T.conns()

@case("ipv6 fragments", "udp in two fragments, both orders; alone; atomic; of tcp")
def _(T):
    unlimited(T)
    service(T, f"-u [{VIP6}]:53 -s rr", [(11,), (12,), (13,)]); service(T, f"-t {V6} -s rr", [(11,), (12,), (13,)])
    def parts(sport, ident, n=2000, cut=1448):
        p = udp_payload(E6, sport, VIP6, 53, b"f" * n)
        return [to_d(ip6(E6, VIP6, 44, frag6(17, 0, 1, ident) + p[:cut])), to_d(ip6(E6, VIP6, 44, frag6(17, cut, 0, ident) + p[cut:]))]
    for k in range(3):
        for n, f in enumerate(parts(40001 + k, 100 + k)): T.frame(f"fragment {n + 1} of {k}", f)
    for k in range(3):
        a, b = parts(40011 + k, 200 + k); T.frame(f"second first, {k}", b); T.frame(f"then the first, {k}", a)
    for n, f in enumerate(parts(40001, 300)): T.frame(f"known, fragment {n + 1}", f)
    T.list(); T.conns()
    T.frame("second alone", parts(40032, 501)[1]); T.list(); T.conns()

@case("exception: ipv6 atomic fragments", "the kernel takes the fragment header off")
def _(T):
    service(T, f"-u [{VIP6}]:53 -s rr", [(11,), (12,)]); service(T, f"-t {V6} -s rr", [(11,), (12,)])
    T.frame("atomic fragment", to_d(ip6(E6, VIP6, 44, frag6(17, 0, 0, 400) + udp_payload(E6, 40021, VIP6, 53, b"x" * 20)))); T.frame("atomic fragment of tcp", to_d(ip6(E6, VIP6, 44, frag6(6, 0, 0, 401) + tcph(E6, 40021, VIP6, 80, "S"))))
    T.list(); T.conns()

@case("ipv6 sources", "sources that no host may have")
def _(T):
    unlimited(T)
    service(T, f"-t {V6} -s rr", [(11,), (12,)])
    for src in ("::", "::1", "ff02::1", "ff0e::9", "::ffff:10.0.0.1", VIP6, "fd00:10::1", "fe80::9", "fd00:10::15", "fd00:10::99", "2001:db8::1", "::10.0.0.1", "2002:a00:1::1", "3fff::1"): 
        if src != "fd00:10::15": syn(T, 40001, src=src, dst=VIP6, note=f"from {src}")
    T.list(); T.conns(); syn(T, 40002, src=E6, dst="fd00:10::1", note="to the director"); syn(T, 40002, src=E6, dst="ff02::1", note="to all nodes"); syn(T, 40002, src=E6, dst="fd00:10::fe", note="to another host")

# ================================================================ 7 malformed
def opt(*parts): 
    b = b"".join(parts); return b + b"\0" * (-len(b) % 4)
@case("ip options", "record route, timestamp, source routes, lengths")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,), (13,)]); port = 40000
    def o(note, options, ttl=64):
        nonlocal port; port += 1
        T.frame(note, to_d(ip4(C, VIP, 6, tcph(C, port, VIP, 80, "S"), options=options, ttl=ttl)))
    rr = lambda ptr, n=7: bytes([7, n, ptr]) + b"\0" * (n - 3)
    o("record route", opt(rr(4))); o("record route, two places", opt(rr(4, 11))); o("record route, full", opt(rr(8))); o("record route, pointer 3", opt(rr(3))); o("record route, pointer 6", opt(rr(6))); o("record route of 3 bytes", opt(bytes([7, 3, 4]))); o("record route of 2 bytes", opt(bytes([7, 2])))
    o("record route twice", opt(rr(4), rr(4)))
    ts = lambda fl, ptr=5, n=12: bytes([68, n, ptr, fl]) + b"\0" * (n - 4)
    o("timestamp prespecified, another host's", opt(bytes([68, 12, 5, 3]) + a2b("10.10.0.11") + b"\0" * 4)); o("timestamp with address, no place", opt(ts(1, 9))); o("timestamp twice", opt(ts(0), ts(0))); o("timestamp full", opt(ts(0, 13))); o("timestamp full, overflow at most", opt(ts(0xf0, 13))); o("timestamp, pointer 4", opt(ts(0, 4))); o("timestamp of 3 bytes", opt(bytes([68, 3, 5]))); o("timestamp flag 2", opt(ts(2)))
    o("loose source route", opt(bytes([131, 7, 4]) + a2b("10.10.9.9"))); o("loose source route, done", opt(bytes([131, 7, 8]) + a2b("10.10.9.9"))); o("strict source route", opt(bytes([137, 7, 4]) + a2b("10.10.9.9"))); o("strict source route, done", opt(bytes([137, 7, 8]) + a2b("10.10.9.9")))
    o("security", opt(bytes([130, 11]) + b"\0" * 9)); o("stream id", opt(bytes([136, 4, 0, 1]))); o("router alert", opt(bytes([148, 4, 0, 0]))); o("router alert of 3 bytes", opt(bytes([148, 3, 0]))); o("router alert, value 1", opt(bytes([148, 4, 0, 1]))); o("router alert twice", opt(bytes([148, 4, 0, 0] * 2))); o("unknown 200", opt(bytes([200, 4, 0, 0]))); o("unknown 30", opt(bytes([30, 4, 0, 0])))
    o("length 0", opt(bytes([200, 0, 0, 0]))); o("length 1", opt(bytes([200, 1, 0, 0]))); o("length beyond", opt(bytes([200, 9, 0, 0]))); o("length at the last byte", bytes([1, 1, 1, 200])); o("end, then rubbish", bytes([0, 200, 0, 7])); o("no-ops", b"\x01" * 8); o("40 bytes of no-ops", b"\x01" * 40); o("cipso", opt(bytes([134, 10]) + b"\0\0\0\1" + bytes([2, 4, 0, 0])))
    o("record route, ttl 1", opt(rr(4)), ttl=1); T.list(); T.conns()
    f = to_d(ip4(C, VIP, 6, tcph(C, 40001, VIP, 80, "A"), options=opt(rr(4)))); T.frame("known, record route", f); T.frame("no service, record route", to_d(ip4(C, VIP, 6, tcph(C, 40001, VIP, 81, "S"), options=opt(rr(4)))))

@case("exception: ip timestamps", "the host writes its time of day")
def _(T):
    service(T, f"-t {V} -s rr", [(11,)])
    for k, o in enumerate((0, 1, 3)): T.frame(f"timestamp {o}", to_d(ip4(C, VIP, 6, tcph(C, 40001 + k, VIP, 80, "S"), options=bytes([68, 12, 5, o]) + b"\0" * 8)))

@case("cut transport headers", "TCP and UDP that end early, of new and of known connections")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)])
    syn(T, 40001); syn(T, 40001, flags="A"); dgram(T, 40001)
    for n in (0, 1, 3, 4, 7, 8, 12, 13, 14, 16, 19, 20):
        T.frame(f"new tcp, {n} bytes", to_d(ip4(C, VIP, 6, tcph(C, 41000 + n, VIP, 80, "S")[:n]))); T.frame(f"known tcp, {n} bytes", to_d(ip4(C, VIP, 6, tcph(C, 40001, VIP, 80, "FA")[:n]))); 
    T.list(); T.conns()
    for n in (0, 1, 2, 3, 4, 5, 6, 7, 8): T.frame(f"new udp, {n} bytes", to_d(ip4(C, VIP, 17, udp_payload(C, 41000 + n, VIP, 53, b"x" * 18)[:n]))); T.frame(f"known udp, {n} bytes", to_d(ip4(C, VIP, 17, udp_payload(C, 40001, VIP, 53, b"x" * 18)[:n])))
    T.frame("no service, tcp 19 bytes", to_d(ip4(C, VIP, 6, tcph(C, 41000, VIP, 81, "S")[:19]))); T.frame("no service, udp 7 bytes", to_d(ip4(C, VIP, 17, udp_payload(C, 41000, VIP, 54, b"x")[:7])))
    T.frame("no service, tcp 4 bytes", to_d(ip4(C, VIP, 6, tcph(C, 41000, VIP, 81, "S")[:4]))); T.list(); T.conns()
    f = tcp(C, 40050, VIP, 80, "S"); T.frame("frame of 13 bytes", f[:13]) if False else None
    u = udp_payload(C, 40060, VIP, 53, b"x" * 18); T.frame("udp bad checksum", to_d(ip4(C, VIP, 17, u[:6] + b"\x12\x34" + u[8:]))); T.frame("udp checksum 0", to_d(ip4(C, VIP, 17, u[:6] + b"\0\0" + u[8:]))); T.frame("udp length short of the packet", to_d(ip4(C, VIP, 17, u[:4] + b"\0\x0a" + u[6:])))
    u = udp_payload(C, 40061, VIP, 54, b"x" * 18); T.frame("no service, udp bad checksum", to_d(ip4(C, VIP, 17, u[:6] + b"\x12\x34" + u[8:]))); T.frame("no service, udp length too long", to_d(ip4(C, VIP, 17, u[:4] + b"\0\x70" + u[6:]))); t = tcph(C, 40062, VIP, 81, "S"); T.frame("no service, tcp bad checksum", to_d(ip4(C, VIP, 6, t[:16] + b"\x12\x34" + t[18:]))); T.frame("no service, tcp data offset 1", to_d(ip4(C, VIP, 6, t[:12] + b"\x10" + t[13:]))); t = tcph(C, 40063, VIP, 80, "A"); T.frame("ACK of none with a bad checksum", to_d(ip4(C, VIP, 6, t[:16] + b"\x12\x34" + t[18:])))

@case("ipv6 cut transport headers", "the same by IPv6")
def _(T):
    unlimited(T)
    service(T, f"-t {V6} -s rr", [(11,), (12,)]); service(T, f"-u [{VIP6}]:53 -s rr", [(11,), (12,)]); syn(T, 40001, src=E6, dst=VIP6); dgram(T, 40001, src=E6, dst=VIP6)
    for n in (0, 3, 4, 8, 13, 14, 19, 20): T.frame(f"new tcp, {n} bytes", to_d(ip6(E6, VIP6, 6, tcph(E6, 41000 + n, VIP6, 80, "S")[:n]))); T.frame(f"known tcp, {n} bytes", to_d(ip6(E6, VIP6, 6, tcph(E6, 40001, VIP6, 80, "FA")[:n])))
    for n in (0, 3, 4, 7, 8): T.frame(f"new udp, {n} bytes", to_d(ip6(E6, VIP6, 17, udp_payload(E6, 41000 + n, VIP6, 53, b"x" * 18)[:n]))); T.frame(f"known udp, {n} bytes", to_d(ip6(E6, VIP6, 17, udp_payload(E6, 40001, VIP6, 53, b"x" * 18)[:n])))
    T.list(); T.conns()
    f = tcp(E6, 40050, VIP6, 80, "S"); T.frame("version 4 in an ipv6 frame", f[:14] + b"\x45" + f[15:]); T.frame("payload length too long", f[:18] + b"\0\x70" + f[20:]); T.frame("payload length short", f[:18] + b"\0\x10" + f[20:]); T.frame("payload length 0", f[:18] + b"\0\0" + f[20:]); T.frame("padded", f + b"\0" * 10); T.frame("flow label and class", f[:14] + b"\x6f\xf1\x23\x45" + f[18:]); T.frame("cut in the header", f[:50]); T.frame("another host's MAC", b"\x02\0\0\0\x09\x09" + f[6:]); T.list(); T.conns()

@case("ports and sources", "ports 0 and 20, sources that no host may have")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)])
    syn(T, 0, note="from port 0"); dgram(T, 0, note="udp from port 0"); syn(T, 20, note="from port 20"); dgram(T, 20, note="udp from port 20"); syn(T, 40001, dport=0, note="to port 0"); dgram(T, 40001, dport=0, note="udp to port 0"); syn(T, 65535)
    syn(T, 0, flags="A", note="ACK from port 0"); T.list(); T.conns()
    for src in ("0.0.0.0", "0.1.2.3", "240.0.0.1", "255.255.255.255", "10.10.0.255", "10.10.0.0", "224.0.0.1", "239.1.2.3", "127.0.0.1", VIP, VIP2, "10.10.0.1", "169.254.1.1", "223.255.255.255", "192.0.2.1", "255.0.0.1", "10.10.0.99", "1.0.0.0"): syn(T, 40002, src=src, note=f"from {src}"); dgram(T, 40002, src=src, note=f"udp from {src}")
    T.list(); T.conns()
    for dst in ("10.10.0.1", "10.10.0.255", "255.255.255.255", "224.0.0.1", "10.10.0.77", "10.10.1.100", "127.0.0.1", "0.0.0.0"): syn(T, 40003, dst=dst, note=f"to {dst}")

@case("fragments of tcp", "tcp in fragments; tiny ones; odd bits")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)])
    t = tcph(C, 40003, VIP, 80, "S", b"d" * 64)
    T.frame("tcp first fragment", to_d(ip4(C, VIP, 6, t[:40], flags_off=0x2000, ipid=503))); T.frame("tcp second fragment", to_d(ip4(C, VIP, 6, t[40:], flags_off=5, ipid=503)))
    T.frame("evil bit", to_d(ip4(C, VIP, 6, tcph(C, 40006, VIP, 80, "S"), flags_off=0x8000, ipid=506))); T.list(); T.conns()
    a, b = udp_fragments(C, 40002, VIP, 53, ipid=502); T.frame("second alone", b)
    t = tcph(C, 40004, VIP, 80, "S", b"d" * 64); T.frame("tcp rest without its first", to_d(ip4(C, VIP, 6, t[8:], flags_off=1, ipid=514)))
    T.conns(); T.list()

@case("exception: fragments alone", "a first fragment waits in the kernel for the rest; ours is sent on")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)])
    a, b = udp_fragments(C, 40001, VIP, 53, ipid=501); T.frame("first alone", a); T.list(); T.conns()
    t = tcph(C, 40004, VIP, 80, "S", b"d" * 64); T.frame("tcp tiny first fragment", to_d(ip4(C, VIP, 6, t[:8], flags_off=0x2000, ipid=504))); T.frame("tcp rest", to_d(ip4(C, VIP, 6, t[8:], flags_off=1, ipid=504)))
    t = tcph(C, 40005, VIP, 80, "S"); T.frame("don't fragment and more fragments", to_d(ip4(C, VIP, 6, t, flags_off=0x6000, ipid=505)))
    T.frame("first of no service", to_d(ip4(C, VIP, 17, udp_payload(C, 40007, VIP, 54, b"f" * 1472)[:800], flags_off=0x2000, ipid=507)))
    syn(T, 40001); full = ip4(VIP, C, 6, tcph(VIP, 80, C, 40001, "A", b"d" * 40)); R = "10.10.9.9"
    big = icmp4(R, VIP, 3, 4, full, 1400)[34:]; T.frame("an icmp error, first fragment", to_d(ip4(R, VIP, 1, big[:48], flags_off=0x2000, ipid=600))); T.frame("its rest", to_d(ip4(R, VIP, 1, big[48:], flags_off=6, ipid=600)))
    T.list(); T.conns()

@case("icmp errors, more", "what is quoted, cut, odd")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)]); service(T, f"--sctp-service {VIP}:5060 -s rr", [(11,), (12,)])
    syn(T, 40001); syn(T, 40002); dgram(T, 40001); assoc(T, 40001, INIT)
    R = "10.10.9.9"; full = ip4(VIP, C, 6, tcph(VIP, 80, C, 40001, "A", b"d" * 40)); q = full[:28]
    for typ in range(0, 20):
        for code in ((0, 1, 2, 3, 4, 5, 9, 13, 15, 16) if typ == 3 else (0, 1)): T.frame(f"type {typ}/{code}", icmp4(R, VIP, typ, code, q, 1400 if (typ, code) == (3, 4) else 0))
    for n in (0, 8, 19, 20, 21, 23, 24, 27, 28, 40, 80): T.frame(f"quotes {n} bytes", icmp4(R, VIP, 3, 4, full[:n], 1400))
    T.frame("bad checksum", icmp4(R, VIP, 3, 4, q, 1400, ok=False)); T.frame("ttl 1", icmp4(R, VIP, 3, 4, q, 1400, ttl=1)); T.frame("ttl 2", icmp4(R, VIP, 3, 4, q, 1400, ttl=2)); T.frame("from the client", icmp4(C, VIP, 3, 4, q, 1400)); T.frame("to the other VIP", icmp4(R, VIP2, 3, 4, q, 1400)); T.frame("to the director", icmp4(R, "10.10.0.1", 3, 4, q, 1400)); T.frame("from 127.0.0.1", icmp4("127.0.0.1", VIP, 3, 4, q, 1400)); T.frame("from 0.0.0.0", icmp4("0.0.0.0", VIP, 3, 4, q, 1400)); T.frame("from the VIP", icmp4(VIP, VIP, 3, 4, q, 1400)); T.frame("from 240.0.0.1", icmp4("240.0.0.1", VIP, 3, 4, q, 1400))
    T.frame("inner options", icmp4(R, VIP, 3, 4, ip4(VIP, C, 6, tcph(VIP, 80, C, 40001, "A"), options=b"\1\1\1\1")[:32], 1400)); T.frame("inner first fragment", icmp4(R, VIP, 11, 1, ip4(VIP, C, 17, udp_payload(VIP, 53, C, 40001, b"x" * 18), flags_off=0x2000)[:28])); T.frame("inner later fragment", icmp4(R, VIP, 11, 1, ip4(VIP, C, 17, udp_payload(VIP, 53, C, 40001, b"x" * 18), flags_off=100)[:28])); T.frame("inner ihl 4", icmp4(R, VIP, 3, 4, b"\x44" + q[1:], 1400)); T.frame("inner version 6", icmp4(R, VIP, 3, 4, b"\x65" + q[1:], 1400)); T.frame("inner ihl 15", icmp4(R, VIP, 3, 4, b"\x4f" + q[1:], 1400)); T.frame("inner bad checksum", icmp4(R, VIP, 3, 4, q[:10] + b"\x12\x34" + q[12:], 1400))
    T.frame("of the other direction", icmp4(R, VIP, 3, 4, ip4(C, VIP, 6, tcph(C, 40001, VIP, 80, "A"))[:28], 1400)); T.frame("about udp", icmp4(R, VIP, 3, 3, ip4(VIP, C, 17, udp_payload(VIP, 53, C, 40001, b"x"))[:28])); T.frame("about sctp", icmp4(R, VIP, 3, 2, ip4(VIP, C, 132, sctph(5060, 40001, chunk(DATA)))[:28])); T.frame("about icmp", icmp4(R, VIP, 3, 1, ip4(VIP, C, 1, b"\0\0\0\0\0\x4d\0\1")[:28])); T.frame("about gre", icmp4(R, VIP, 3, 2, ip4(VIP, C, 47, b"\0" * 8)[:28])); T.frame("of none", icmp4(R, VIP, 3, 4, ip4(VIP, C, 6, tcph(VIP, 80, C, 40009, "A"))[:28], 1400)); T.frame("about ipip", icmp4(R, VIP, 3, 4, ip4("10.10.0.1", rs_ip(11), 4, full)[:56], 1400))
    T.cmd(f"-d -t {V} -r {rs_ip(12)}:80"); T.frame("of a removed server", icmp4(R, VIP, 3, 4, q, 1400)); T.frame("of the other", icmp4(R, VIP, 3, 4, ip4(VIP, C, 6, tcph(VIP, 80, C, 40002, "A"))[:28], 1400)); T.sysctl("net.ipv4.vs.expire_nodest_conn", 1); T.frame("of a removed server, expire_nodest_conn", icmp4(R, VIP, 3, 4, q, 1400))
    T.list(); T.conns()

@case("other protocols", "what is not for IPVS")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,)])
    for p in (0, 2, 4, 41, 47, 50, 51, 89, 112, 136, 200, 255): T.frame(f"protocol {p}", to_d(ip4(C, VIP, p, b"\0" * 40)))
    for p in (50, 47, 136, 89): T.frame(f"ipv6, protocol {p}", to_d(ip6(E6, VIP6, p, b"\0" * 40)))
    for typ in (8, 13, 15, 17, 10, 0, 5, 12): T.frame(f"icmp {typ}", icmp4(C, VIP, typ, 0, b"\0" * 32, 77))
    T.frame("icmp of 4 bytes", to_d(ip4(C, VIP, 1, b"\x08\0\xf7\xff"))); T.frame("icmp of 7 bytes", to_d(ip4(C, VIP, 1, b"\x08\0\xf7\xff\0\0\0"))); T.frame("icmp empty", to_d(ip4(C, VIP, 1, b""))); T.frame("echo with a bad checksum", icmp4(C, VIP, 8, 0, b"\0" * 32, 77, ok=False)); T.frame("echo, ttl 1", icmp4(C, VIP, 8, 0, b"\0" * 32, 77, ttl=1))

# ================================================================ 8 edits
def load(T, ports, flags="S A"):
    for p in ports:
        for f in flags.split(): syn(T, p, flags=f)

@case("edits of a service", "-E under live connections")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11, 1), (12, 2), (13, 3)]); load(T, range(40001, 40006))
    for s in ("wlc", "wrr", "sh", "lc", "sed", "nq", "rr", "fo", "ovf", "mh", "dh", "none", "rr"):
        T.cmd(f"-E -t {V} -s {s}" if s != "none" else f"-E -t {V} -s none"); base = 41000 + 10 * len(T.events)
        load(T, range(base, base + 4), "S"); syn(T, 40001, flags="A")
    T.list(); T.conns()

@case("edits of servers", "-e weights and thresholds under load")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s wlc", [(11, 1), (12, 2), (13, 3)]); load(T, range(40001, 40008)); T.list()
    T.cmd(f"-e -t {V} -r {rs_ip(11)}:80 -g -w 10"); load(T, range(41001, 41007)); T.list(); T.cmd(f"-e -t {V} -r {rs_ip(12)}:80 -g -w 0"); T.cmd(f"-e -t {V} -r {rs_ip(13)}:80 -g -w 3 -x 3 -y 1"); load(T, range(42001, 42005)); T.list()
    T.cmd(f"-e -t {V} -r {rs_ip(11)}:80 -g -x 4"); load(T, range(43001, 43004), "S"); T.list(); T.cmd(f"-e -t {V} -r {rs_ip(13)}:80 -g -x 0"); load(T, range(44001, 44004), "S"); T.list(); T.cmd(f"-e -t {V} -r {rs_ip(11)}:80 -g -x 100 -y 50"); load(T, range(45001, 45004), "S"); T.list(); T.cmd("-L -n --thresholds"); T.conns()

@case("servers removed and added again", "-d then -a: counts and connections go on")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s wlc", [(11, 1), (12, 1), (13, 1)]); load(T, range(40001, 40007)); T.list()
    T.cmd(f"-d -t {V} -r {rs_ip(12)}:80"); T.list(); 
    for p in range(40001, 40007): syn(T, p, flags="A")
    load(T, range(41001, 41003)); T.cmd(f"-a -t {V} -r {rs_ip(12)}:80 -g -w 5"); T.list(); load(T, range(42001, 42007), "S"); T.list(); T.conns()
    for p in range(40001, 40007): syn(T, p, flags="A")
    T.cmd(f"-d -t {V} -r {rs_ip(11)}:80"); T.cmd(f"-a -t {V} -r {rs_ip(11)}:80 -g -w 0"); T.list(); syn(T, 43001); T.cmd(f"-d -t {V} -r {rs_ip(13)}:80"); T.cmd(f"-a -t {V} -r {rs_ip(13)}:80 -g -x 1"); T.list(); load(T, range(44001, 44004), "S"); T.list()
    T.cmd(f"-A -t {VIP}:81 -s rr"); T.cmd(f"-a -t {VIP}:81 -r {rs_ip(12)}:81 -g"); syn(T, 40001, dport=81); T.list()
    T.wait(2.6); T.cmd(f"-L -n --stats")

@case("services removed and made again", "-D and -A: the connections stay and find their servers")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)]); load(T, range(40001, 40005)); dgram(T, 40001); T.cmd(f"-D -t {V}"); T.list(); T.conns()
    for p in (40001, 40002): syn(T, p, flags="A")
    syn(T, 40003, note="SYN of a removed server"); syn(T, 40010); service(T, f"-t {V} -s wlc", [(12,), (13,)]); T.list(); 
    for p in range(40001, 40005): syn(T, p, flags="A")
    load(T, (40010, 40011, 40012), "S"); T.list(); T.cmd(f"-a -t {V} -r {rs_ip(11)}:80 -g"); T.list()
    for p in range(40001, 40005): syn(T, p, flags="A")
    T.conns(); T.cmd("-C"); T.list(); T.conns(); dgram(T, 40001); syn(T, 40001, flags="A"); syn(T, 40001); service(T, f"-u {VIP}:53 -s rr", [(11,), (12,)]); T.list(); dgram(T, 40001); dgram(T, 40002); T.list(); T.conns()
    service(T, f"-t {V} -s rr", [(14,)]); T.cmd(f"-a -t {V} -r {rs_ip(12)}:80 -g"); T.list(); syn(T, 40001, flags="A"); syn(T, 40002, flags="A"); T.list()

@case("no services left", "without a service of its IP version a packet is the host's, whatever is remembered")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,), (12,)]); service(T, f"-t {V6} -s rr", [(11,), (12,)]); load(T, (40001, 40002)); syn(T, 40001, src=E6, dst=VIP6); syn(T, 40002, src=E6, dst=VIP6); T.list()
    T.cmd(f"-D -t {V}"); syn(T, 40001, flags="A", note="no IPv4 service left"); syn(T, 40001); syn(T, 40001, src=E6, dst=VIP6, flags="A"); T.conns()
    T.frame("icmp error of the first", icmp4("10.10.9.9", VIP, 3, 4, ip4(VIP, C, 6, tcph(VIP, 80, C, 40001, "A"))[:28], 1400)); dgram(T, 40001)
    service(T, f"-u {VIP}:53 -s rr", []); syn(T, 40001, flags="A", note="another IPv4 service"); syn(T, 40002); T.cmd(f"-D -t {V6}"); syn(T, 40001, src=E6, dst=VIP6, flags="A", note="no IPv6 service left"); T.list(); T.conns()
    service(T, f"-t {V6} -s rr", [(11,)]); syn(T, 40001, src=E6, dst=VIP6, flags="A"); syn(T, 40002, src=E6, dst=VIP6, flags="A"); T.cmd("-A -f 7 -s rr"); T.cmd(f"-D -u {VIP}:53"); syn(T, 40001, flags="A", note="a mark's service is left"); T.cmd("-D -f 7"); syn(T, 40001, flags="A", note="none"); T.list(); T.conns()

@case("rr and edits", "the place of rr through additions, removals, edits")
def _(T):
    service(T, f"-t {V} -s rr", [(11,), (12,), (13,), (14,)]); port = 40000
    def go(n):
        nonlocal port
        for _ in range(n): port += 1; syn(T, port)
    go(2); T.cmd(f"-a -t {V} -r {rs_ip(15)}:80 -g"); go(3); T.cmd(f"-d -t {V} -r {rs_ip(13)}:80"); go(3); T.cmd(f"-e -t {V} -r {rs_ip(14)}:80 -g -w 0"); go(4); T.cmd(f"-e -t {V} -r {rs_ip(14)}:80 -g -w 2"); go(3); T.cmd(f"-a -t {V} -r {rs_ip(13)}:80 -g"); go(4)
    T.cmd(f"-d -t {V} -r {rs_ip(15)}:80"); T.cmd(f"-d -t {V} -r {rs_ip(13)}:80"); go(3); T.cmd(f"-d -t {V} -r {rs_ip(11)}:80"); T.cmd(f"-d -t {V} -r {rs_ip(12)}:80"); go(2); T.cmd(f"-a -t {V} -r {rs_ip(16)}:80 -g"); go(3); T.cmd(f"-E -t {V} -s rr"); go(2); T.cmd(f"-E -t {V} -s rr -p 10"); T.cmd(f"-E -t {V} -s rr"); go(3); T.cmd(f"-E -t {V} -s wrr"); go(3); T.cmd(f"-E -t {V} -s rr"); go(3); T.list()

@case("wrr and edits", "weights edited, servers come and go, overloaded ones")
def _(T):
    service(T, f"-t {V} -s wrr", [(11, 4), (12, 2), (13, 1)]); port = 40000
    def go(n):
        nonlocal port
        for _ in range(n): port += 1; syn(T, port)
    go(8); T.cmd(f"-e -t {V} -r {rs_ip(11)}:80 -g -w 6"); go(8); T.cmd(f"-e -t {V} -r {rs_ip(13)}:80 -g -w 0"); go(6); T.cmd(f"-a -t {V} -r {rs_ip(14)}:80 -g -w 9"); go(9); T.cmd(f"-e -t {V} -r {rs_ip(14)}:80 -g -w 9 -x 1"); go(7); T.cmd(f"-d -t {V} -r {rs_ip(11)}:80"); go(6); T.cmd(f"-e -t {V} -r {rs_ip(12)}:80 -g -w 3"); go(4); T.cmd(f"-e -t {V} -r {rs_ip(14)}:80 -g -w 9 -x 0"); go(7); T.cmd(f"-E -t {V} -s wrr"); go(5); T.list()

@case("exception: forwarding methods mixed", "-g, -i and -m in one service: what leaves the director")
def _(T):
    unlimited(T)
    T.cmd(f"-A -t {V} -s rr"); T.cmd(f"-a -t {V} -r {rs_ip(11)}:80 -g"); T.cmd(f"-a -t {V} -r {rs_ip(12)}:80 -i"); T.cmd(f"-a -t {V} -r {rs_ip(13)}:8080 -m"); T.list()
    for p in range(40001, 40007): syn(T, p)
    T.list(); T.conns()
    for p in range(40001, 40007): syn(T, p, flags="A")
    T.list(); T.conns()

@case("exception: forwarding methods edited", "-e from -g to -m and back")
def _(T):
    unlimited(T)
    service(T, f"-t {V} -s rr", [(11,)]); syn(T, 40001); T.cmd(f"-e -t {V} -r {rs_ip(11)}:80 -i"); T.list(); syn(T, 40001, flags="A", note="a connection from before"); T.cmd(f"-e -t {V} -r {rs_ip(11)}:80 -g"); T.list(); syn(T, 40001, flags="A"); syn(T, 40002); T.list(); T.conns()

# ================================================================ 9 schedulers, thresholds
@case("thresholds, more", "upper 1 to 5, lower, edits; lists of all states")
def _(T):
    unlimited(T)
    for u, l in ((1, 0), (4, 0), (5, 0), (4, 2), (3, 3), (2, 1)):
        port = 8000 + 10 * u + l
        T.cmd(f"-A -t {VIP}:{port} -s lc"); T.cmd(f"-a -t {VIP}:{port} -r {rs_ip(11)} -g -x {u} -y {l}")
        for k in range(u + 2): syn(T, 40001 + k, dport=port)
        T.cmd("--set 0 2 0")
        for k in range(u): syn(T, 40001 + k, dport=port, flags="A"); syn(T, 40001 + k, dport=port, flags="FA")
        T.list(); T.wait(3.3)
        for k in range(u + 2): syn(T, 41001 + k, dport=port)
        T.list()

@case("thresholds of datagrams", "udp counts, one-packet does not, templates do not")
def _(T):
    unlimited(T)
    T.cmd(f"-A -u {VIP}:53 -s rr"); T.cmd(f"-a -u {VIP}:53 -r {rs_ip(11)} -g -x 2"); T.cmd(f"-A -u {VIP}:54 -s rr -o"); T.cmd(f"-a -u {VIP}:54 -r {rs_ip(11)} -g -x 1"); T.cmd(f"-A -u {VIP}:55 -s rr -p 60 -o"); T.cmd(f"-a -u {VIP}:55 -r {rs_ip(11)} -g -x 1")
    for p in (53, 54, 55):
        for sport in (40001, 40002, 40003, 40001): dgram(T, sport, dport=p); dgram(T, sport, src=D, dport=p)
    T.list(); T.conns()

@case("thresholds with all schedulers", "one server of three full")
def _(T):
    unlimited(T)
    for k, s in enumerate("rr wrr lc wlc sed nq fo ovf sh mh dh lblc lblcr".split()):
        port = 8000 + k; T.cmd(f"-A -t {VIP}:{port} -s {s}")
        for n, x in ((11, 2), (12, 0), (13, 1)): T.cmd(f"-a -t {VIP}:{port} -r {rs_ip(n)} -g -w {n - 10} -x {x}")
        for n in range(8): syn(T, 40001, src=f"10.10.{n + 1}.9", dport=port); syn(T, 40001, src=f"10.10.{n + 1}.9", dport=port, flags="A") if n % 2 else None
    T.list()

for s in ("lc", "wlc", "sed", "nq", "ovf"):
    def run(T, s=s):
        service(T, f"-t {V} -s {s}", [(11, 3), (12, 1), (13, 2)])
        r = random.Random(7); port = 40000; fresh, up = [], []
        for n in range(60):
            x = r.random()
            if x < .25 and fresh: p = fresh.pop(r.randrange(len(fresh))); syn(T, p, flags="A"); up.append(p)
            elif x < .45 and up: syn(T, up.pop(r.randrange(len(up))), flags=r.choice(["FA", "RA"]))
            elif x < .5 and fresh: syn(T, fresh.pop(), flags=r.choice(["FA", "R"]))
            else: port += 1; syn(T, port, src=f"10.10.{r.randint(1, 5)}.{r.randint(2, 99)}" if False else C); fresh.append(port)
            if n == 30: T.list(); T.cmd(f"-e -t {V} -r {rs_ip(11)}:80 -g -w 1"); T.cmd(f"-e -t {V} -r {rs_ip(12)}:80 -g -w 4")
        T.list(); T.conns()
    CASES.append({"name": f"{s} with inactive connections", "about": f"{s}: connections end by FIN and RST, weights edited", "run": run})

@case("heavy weights", "weights above 65535")
def _(T):
    for k, s in enumerate("wrr wlc sed nq fo ovf lc rr mh sh".split()):
        port = 8000 + k; T.cmd(f"-A -t {VIP}:{port} -s {s}")
        for n, w in ((11, 65536), (12, 2147483647 if s not in ("wrr", "mh") else 131072), (13, 100000)): T.cmd(f"-a -t {VIP}:{port} -r {rs_ip(n)} -g -w {w}")
        for n in range(8): syn(T, 40001, src=f"10.10.{n + 1}.9", dport=port)
    T.list()

@case("tcp timeouts", "--set, and each state's expiry")
def _(T):
    service(T, f"-t {V} -s wlc", [(11,), (12,)]); T.cmd("--set 3 2 0"); syn(T, 40001); load(T, (40002,)); load(T, (40003,), "S A FA"); load(T, (40004,), "S A R"); T.list(); T.conns(); T.wait(2.4); T.list(); T.conns(); T.wait(1.4); T.list(); T.conns(); syn(T, 40002, flags="A", note="expired"); syn(T, 40003, flags="A", note="expired"); T.list()

@case("clear under load", "-C with live connections of all protocols, then the same services again")
def _(T):
    unlimited(T)
    def build(): service(T, f"-t {V} -s rr -p 100", [(11,), (12,)]); service(T, f"-u {VIP}:53 -s lc", [(11,), (12,)]); service(T, f"--sctp-service {VIP}:5060 -s rr", [(11,), (12,)])
    build(); load(T, (40001, 40002)); dgram(T, 40001); dgram(T, 40002); assoc(T, 40001, INIT); assoc(T, 40001, CECHO); T.list(); T.cmd("-C"); T.list(); T.conns(); syn(T, 40001, flags="A"); syn(T, 40009); build(); T.list(); T.conns()
    syn(T, 40001, flags="A"); syn(T, 40003); syn(T, 40001, src=D); dgram(T, 40001); dgram(T, 40003); assoc(T, 40001, DATA); T.list(); T.conns()
