/** Live state -> Excerpt, for one frame. Reads only: not a counter, a timer or a scheduler's place changes. */
import { setDatagramKey } from '../datapath/fragments.ts';
import { setTemplateKey } from '../datapath/persistence.ts';
import { serviceKey } from '../service/configuration.ts';
import type { ConnectionTimeouts, MarkRule, ServiceAddress } from '../service/model.ts';
import type { ServiceTable } from '../service/service-table.ts';
import type { Settings } from '../service/settings.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { type MacAddress, renderIp, renderIpv4 } from '../wire/address.ts';
import { DecodeResult, decode } from '../wire/decode.ts';
import { Packet } from '../wire/packet.ts';
import type { Slice } from '../wire/slice.ts';
import type {
  ConnectionExcerpt,
  Excerpt,
  RoomExcerpt,
  ServerExcerpt,
  ServiceExcerpt,
  TemplateExcerpt,
} from './excerpt.ts';

/** What a datapath lets be looked at. */
export interface Live {
  readonly now: number;
  readonly slice: Slice;
  readonly ownMac: MacAddress;
  readonly ownAddresses: Iterable<number>;
  readonly services: ServiceTable;
  readonly settings: Settings;
  readonly timeouts: ConnectionTimeouts;
  readonly marks: readonly MarkRule[];
  readonly isSecure: boolean;
  readonly dropsFirst: boolean;
  isFirstSyn(packet: Packet): boolean;
  mayReply(packet: Packet): boolean;
  /** Undefined: the number is nobody's. */
  server(id: number): ServerExcerpt | undefined;
  connection(packet: Packet): ConnectionExcerpt | undefined;
  template(key: Packet): TemplateExcerpt | undefined;
  datagram(key: Packet): Excerpt['datagram'];
  place(service: VirtualService): readonly number[] | undefined;
  memory(service: VirtualService, packet: Packet): ServiceExcerpt['memory'];
  /** For a connection of this packet and, where it is given, a template of that key. */
  room(packet: Packet, template: Packet | undefined): RoomExcerpt;
}

export function takeExcerpt(live: Live, frame: Uint8Array): Excerpt {
  const packet = new Packet();
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length);
  const decoded = decode(packet, view, frame.length, live.ownMac);
  const isWhole = decoded === DecodeResult.Continue;
  const matched = isWhole && packet.hasPorts ? live.services.match(packet) : undefined;
  const templateKey = matched && templateKeyOf(packet, matched);
  const connection = (isWhole && mayHaveConnection(packet) && live.connection(packet)) || null;
  const template = (templateKey && live.template(templateKey)) ?? null;
  const datagram = isWhole && packet.fragmentOffsetBytes > 0 ? live.datagram(datagramKeyOf(packet)) : null;
  const services = servicesFor(live.services, packet, decoded).map(
    (service): ServiceExcerpt => ({
      service: service.address,
      options: service.options,
      servers: service === matched ? service.listed.map(({ id }) => id) : [],
      place: (service === matched ? live.place(service) : undefined) ?? null,
      memory: service === matched ? live.memory(service, packet) : null,
    }),
  );
  const referred = [connection?.server, connection?.template?.server, template?.server, datagram?.server];
  const ids = new Set([
    ...services.flatMap((each) => [...each.servers, ...(each.memory?.servers ?? [])]),
    ...referred,
  ]);
  return {
    now: live.now,
    slice: live.slice,
    ownMac: live.ownMac,
    ownAddresses: [...live.ownAddresses],
    settings: live.settings,
    timeouts: live.timeouts,
    marks: live.marks,
    isSecure: live.isSecure,
    dropsFirst: live.dropsFirst,
    isFirstSyn: isWhole && packet.hasPorts && live.isFirstSyn(packet),
    mayReply: isWhole && live.mayReply(packet),
    room: isWhole ? live.room(packet, templateKey) : { free: 0, makes: [] },
    services,
    matched: matched === undefined ? null : serviceKey(matched.address),
    servers: [...ids].flatMap((id) => (id === undefined ? [] : (live.server(id) ?? []))),
    connection,
    template,
    datagram,
  };
}

/** One from port 0 is remembered, and never found again. */
const mayHaveConnection = ({ hasPorts, clientPort, isOutgoing }: Packet): boolean =>
  hasPorts && (clientPort !== 0 || isOutgoing);

function templateKeyOf(packet: Packet, service: VirtualService): Packet | undefined {
  if (service.options.persistentSec === 0) return undefined;
  const key = new Packet();
  setTemplateKey({ packet, key }, service);
  return key;
}

function datagramKeyOf(packet: Packet): Packet {
  const key = new Packet();
  setDatagramKey(key, packet);
  return key;
}

/** What decides whether, and for which service, the packet is one. */
function servicesFor(table: ServiceTable, packet: Packet, decoded: DecodeResult): VirtualService[] {
  const address =
    decoded === DecodeResult.PassArp ? renderIpv4(packet.arpSenderIp) : virtualAddressOf(packet);
  const all = [...table.services];
  const version = decoded === DecodeResult.PassArp ? 4 : packet.ipVersion;
  const related = all.filter((each) => 'fwmark' in each.address || each.address.address === address);
  if (related.some((each) => versionOf(each.address) === version)) return related;
  const other = all.find((each) => versionOf(each.address) === version);
  return other === undefined ? related : [...related, other];
}

const virtualAddressOf = ({ ipVersion, virtual0, virtual1, virtual2, virtual3 }: Packet): string =>
  renderIp({ version: ipVersion === 6 ? 6 : 4, words: [virtual0, virtual1, virtual2, virtual3] });

function versionOf(address: ServiceAddress): 4 | 6 {
  if ('fwmark' in address) return address.family;
  return address.address.includes(':') ? 6 : 4;
}
