/** The services arranged for the search by packets: by firewall mark, and by protocol, address and port. */
import { parseIp } from '../wire/address.ts';
import { IpProtocol } from '../wire/ipv4.ts';
import type { Packet } from '../wire/packet.ts';
import { MarkRules } from './mark-rule.ts';
import type { MarkRule } from './model.ts';
import { PROTOCOL_NUMBERS } from './protocol-numbers.ts';
import type { VirtualService } from './virtual-service.ts';

const FTP_PORT = 21;
const FTP_DATA_PORT = 20;
/** Default of net.ipv4.ip_unprivileged_port_start. */
const FIRST_UNPRIVILEGED_PORT = 1024;

interface Slot {
  readonly service: VirtualService;
  readonly protocol: number;
  readonly port: number;
  readonly ipVersion: 4 | 6;
  readonly words: readonly [number, number, number, number];
}

export class ServiceIndex {
  /** Open addressing, at most half full, linear probing. */
  private readonly slots: readonly (Slot | undefined)[];
  private readonly mask: number;
  /** Services of firewall marks, IPv4 and IPv6. */
  private readonly marked4 = new Map<number, VirtualService>();
  private readonly marked6 = new Map<number, VirtualService>();
  private readonly marks: MarkRules;
  /** Of all virtual addresses. */
  private readonly words4: ReadonlySet<number>;
  private readonly firstWords6: ReadonlySet<number>;
  private readonly hasFtpService: boolean;
  private readonly hasAnyPortService: boolean;

  constructor(services: readonly VirtualService[], marks: readonly MarkRule[]) {
    this.marks = new MarkRules(marks);
    for (const service of services) {
      const { address } = service;
      if ('fwmark' in address)
        (address.family === 6 ? this.marked6 : this.marked4).set(address.fwmark, service);
    }
    const filled = services.flatMap((service) => makeSlot(service) ?? []);
    let size = 2;
    while (size < 2 * filled.length) size *= 2;
    this.mask = size - 1;
    const slots = new Array<Slot | undefined>(size).fill(undefined);
    for (const slot of filled) {
      let at = hashEndpoint(slot.protocol, slot.words[0], slot.words[3], slot.port) & this.mask;
      while (slots[at] !== undefined) at = (at + 1) & this.mask;
      slots[at] = slot;
    }
    this.slots = slots;
    const firstWords = (version: 4 | 6) =>
      new Set(filled.filter(({ ipVersion }) => ipVersion === version).map(({ words }) => words[0]));
    this.words4 = firstWords(4);
    this.firstWords6 = firstWords(6);
    const isPersistent = ({ service }: Slot) => service.options.persistentSec > 0;
    this.hasAnyPortService = filled.some((slot) => slot.port === 0 && isPersistent(slot));
    this.hasFtpService = filled.some(
      (slot) => slot.port === FTP_PORT && (isPersistent(slot) || this.hasAnyPortService),
    );
  }

  /** Whether some service has this IPv4 virtual address, as a signed word. */
  hasIpv4(word: number): boolean {
    return this.words4.has(word);
  }

  /**
   * The service of a packet with ports, in the kernel's order (ip_vs_ctl.c, ip_vs_service_find()): its mark's, this
   * very port, the FTP service for its data connections, the service for all ports. The last two only where they are
   * persistent: others take no connection to another port than their own (ip_vs_schedule()). An FTP service that is
   * not stands all the same before one for all ports: its data connections are the host's (ip_vs_leave()).
   */
  match(packet: Packet): VirtualService | undefined {
    const { virtualPort: port, protocol } = packet;
    const marked = packet.ipVersion === 4 ? this.marked4 : this.marked6;
    if (marked.size > 0) {
      const service = marked.get(this.marks.markOf(packet));
      if (service !== undefined) return service;
    }
    const exact = this.find(packet, port);
    if (exact !== undefined) return exact;
    const mayBeFtpData =
      this.hasFtpService &&
      protocol === IpProtocol.Tcp &&
      (port === FTP_DATA_PORT || port >= FIRST_UNPRIVILEGED_PORT);
    const ftp = mayBeFtpData ? this.find(packet, FTP_PORT) : undefined;
    if (ftp !== undefined && ftp.options.persistentSec > 0) return ftp;
    const anyPort = this.hasAnyPortService ? this.find(packet, 0) : undefined;
    return anyPort !== undefined && anyPort.options.persistentSec > 0 ? (ftp ?? anyPort) : undefined;
  }

  /** Whether some service or mark has the packet's virtual address, whatever its port and protocol. */
  hasAddress(packet: Packet): boolean {
    const { ipVersion, virtual0, virtual1, virtual2, virtual3 } = packet;
    if (ipVersion === 4) return this.words4.has(virtual0) || this.marks.hasAddress(packet);
    if (!this.firstWords6.has(virtual0)) return this.marks.hasAddress(packet);
    for (const slot of this.slots) {
      if (slot === undefined || slot.ipVersion !== 6) continue;
      const [word0, word1, word2, word3] = slot.words;
      if (word0 === virtual0 && word1 === virtual1 && word2 === virtual2 && word3 === virtual3) return true;
    }
    return this.marks.hasAddress(packet);
  }

  private find(packet: Packet, port: number): VirtualService | undefined {
    const { protocol, virtual0, virtual1, virtual2, virtual3, ipVersion } = packet;
    let at = hashEndpoint(protocol, virtual0, virtual3, port) & this.mask;
    for (;;) {
      const slot = this.slots[at];
      if (slot === undefined) return undefined;
      const { words } = slot;
      if (
        slot.port === port &&
        slot.protocol === protocol &&
        slot.ipVersion === ipVersion &&
        words[0] === virtual0 &&
        words[1] === virtual1 &&
        words[2] === virtual2 &&
        words[3] === virtual3
      ) {
        return slot.service;
      }
      at = (at + 1) & this.mask;
    }
  }
}

/** Needs no seed: what is in the table is chosen by the operator. */
function hashEndpoint(protocol: number, word0: number, word3: number, port: number): number {
  let hash = Math.imul(word0 ^ (word3 << 7), 0x9e3779b1) ^ Math.imul((port << 8) | protocol, 0x85ebca6b);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0xc2b2ae35) >>> 8;
}

function makeSlot(service: VirtualService): Slot | undefined {
  const { address } = service;
  if ('fwmark' in address) return undefined;
  const ip = parseIp(address.address);
  if (ip === undefined) return undefined;
  return {
    service,
    protocol: PROTOCOL_NUMBERS[address.protocol],
    port: address.port,
    ipVersion: ip.version,
    words: ip.words,
  };
}
