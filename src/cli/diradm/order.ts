/**
 * The order of listings. Unsorted is the kernel's: services by hash bucket, servers with the newest first. Sorted
 * is libipvs's: numbers compared by the sign of their 32-bit difference, which turns around for numbers 2^31 or
 * more apart and is no consistent order then; so the sort has to be the C library's, step for step.
 */
import type { ServerListing, ServiceListing } from '../../control/protocol.ts';
import type { ServerAddress, ServiceAddress, TransportProtocol } from '../../service/model.ts';
import { type IpAddress, parseIp } from '../../wire/address.ts';

const PROTOCOL_NUMBERS: Readonly<Record<TransportProtocol, number>> = { tcp: 6, udp: 17, sctp: 132 };
/** ip_vs_ctl.c, IP_VS_SVC_TAB_BITS. */
const BUCKET_BITS = 8;
const BUCKET_MASK = (1 << BUCKET_BITS) - 1;
/**
 * The kernel mixes an address of its own into the hash, another one at every boot and in every namespace. This
 * value is one that gives the order of the recordings.
 */
const BUCKET_SEED = 0xc0;

type Words = readonly [number, number, number, number];
type Comparison<T> = (a: T, b: T) => number;

interface ServiceKey {
  readonly fwmark: number;
  readonly family: number;
  readonly protocol: number;
  readonly words: Words;
  readonly port: number;
}

const NO_ADDRESS: IpAddress = { version: 4, words: [0, 0, 0, 0] };

function serviceKey(service: ServiceAddress): ServiceKey {
  if ('fwmark' in service) {
    return { fwmark: service.fwmark, family: service.family, protocol: 0, words: NO_ADDRESS.words, port: 0 };
  }
  const { version, words } = parseIp(service.address) ?? NO_ADDRESS;
  return {
    fwmark: 0,
    family: version,
    protocol: PROTOCOL_NUMBERS[service.protocol],
    words,
    port: service.port,
  };
}

/** As added becomes as the kernel lists them. */
export function inKernelOrder(services: readonly ServiceListing[]): ServiceListing[] {
  return services
    .map((listing, age) => ({ listing, age, key: serviceKey(listing.service) }))
    .sort(
      (a, b) =>
        Math.sign(a.key.fwmark) - Math.sign(b.key.fwmark) || bucket(a.key) - bucket(b.key) || b.age - a.age,
    )
    .map(({ listing }) => listing);
}

/** ip_vs_ctl.c, ip_vs_svc_hashkey() and ip_vs_svc_fwm_hashkey(). */
function bucket({ fwmark, protocol, words, port }: ServiceKey): number {
  if (fwmark !== 0) return (BUCKET_SEED ^ fwmark) & BUCKET_MASK;
  const address = words[0] ^ words[1] ^ words[2] ^ words[3];
  return (protocol ^ address ^ BUCKET_SEED ^ (port >>> BUCKET_BITS) ^ port) & BUCKET_MASK;
}

/** Takes and gives what `ipvsadm -L` sorts: the kernel's order in, the listing's out. */
export function sortServices(services: readonly ServiceListing[]): ServiceListing[] {
  const keyed = services.map((listing) => ({ listing, key: serviceKey(listing.service) }));
  return mergeSort(keyed, (a, b) => compareServices(a.key, b.key)).map(({ listing }) => listing);
}

export function sortServers(servers: readonly ServerListing[]): ServerListing[] {
  const keyed = servers.map((listing) => ({ listing, key: serverKey(listing.server) }));
  return mergeSort(keyed, (a, b) => compareEndpoints(a.key, b.key)).map(({ listing }) => listing);
}

interface EndpointKey {
  readonly family: number;
  readonly words: Words;
  readonly port: number;
}

function serverKey({ address, port }: ServerAddress): EndpointKey {
  const { version, words } = parseIp(address) ?? NO_ADDRESS;
  return { family: version, words, port };
}

const difference = (a: number, b: number): number => (a - b) | 0;

function compareServices(a: ServiceKey, b: ServiceKey): number {
  return (
    difference(a.fwmark, b.fwmark) || a.family - b.family || a.protocol - b.protocol || compareEndpoints(a, b)
  );
}

/** The first one decides how much of the addresses is compared. */
function compareEndpoints(a: EndpointKey, b: EndpointKey): number {
  for (let word = 0; word < (a.family === 6 ? 4 : 1); word++) {
    const order = difference(a.words[word]!, b.words[word]!);
    if (order !== 0) return order;
  }
  return a.port - b.port;
}

/** glibc 2.36, stdlib/msort.c: halves, the lower one the smaller; of two equal ones the left one first. */
function mergeSort<T>(items: readonly T[], compare: Comparison<T>): T[] {
  if (items.length <= 1) return [...items];
  const middle = items.length >>> 1;
  const left = mergeSort(items.slice(0, middle), compare);
  const right = mergeSort(items.slice(middle), compare);
  const merged: T[] = [];
  let fromLeft = 0;
  let fromRight = 0;
  while (fromLeft < left.length && fromRight < right.length) {
    const isLeftFirst = compare(left[fromLeft]!, right[fromRight]!) <= 0;
    merged.push(isLeftFirst ? left[fromLeft++]! : right[fromRight++]!);
  }
  return [...merged, ...left.slice(fromLeft), ...right.slice(fromRight)];
}
