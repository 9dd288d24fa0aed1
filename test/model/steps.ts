/** Steps of a random test: commands, frames, time. Plain data, so that a failing run can be cut down and printed. */
import type { Edit, ServerOptions, ServiceAddress, ServiceOptions } from '../../src/service/model.ts';
import { SERVER_OPTIONS, SERVICE_OPTIONS, serviceAddress } from '../helpers/edits.ts';
import { serviceName } from './addresses.ts';
import { type FrameSpec, renderFrame } from './frames.ts';
import type { Random } from './random.ts';

export type Step =
  | { readonly do: 'edit'; readonly edit: Edit }
  | { readonly do: 'frame'; readonly frame: FrameSpec }
  /** A frame as hex, which no description has. */
  | { readonly do: 'raw'; readonly frame: string }
  /** Ticks, hundredths of a second. */
  | { readonly do: 'wait'; readonly ticks: number }
  | { readonly do: 'next-hop'; readonly address: string; readonly mac: string | null }
  /** Everything that can be listed is compared. */
  | { readonly do: 'list' };

/** What all steps of one run have in common. */
export interface World {
  readonly capacity: number;
  readonly clients: readonly string[];
  readonly ports: readonly number[];
  readonly targets: readonly Target[];
  readonly services: readonly ServiceAddress[];
}

type Target = Pick<FrameSpec, 'protocol' | 'virtual' | 'virtualPort'>;

const VIP = '10.0.0.100';
const VIP2 = '10.0.0.101';
const VIP6 = 'fd00:10::100';

const SERVICES: readonly ServiceAddress[] = [
  `tcp ${VIP}:80`,
  `tcp ${VIP}:21`,
  `tcp ${VIP}:0`,
  `udp ${VIP}:53`,
  `udp ${VIP}:0`,
  `sctp ${VIP}:36412`,
  `tcp ${VIP2}:443`,
  `tcp [${VIP6}]:80`,
  `udp [${VIP6}]:53`,
  'fwmark 7',
  'fwmark 9',
  'fwmark 7 IPv6',
].map((text) => ({ ...serviceAddress(text), ...(text === 'fwmark 7 IPv6' ? { fwmark: 7 } : {}) }));

const SERVERS4 = ['10.0.0.11', '10.0.0.12', '10.0.0.13', '10.0.0.14', '127.0.0.1', '10.0.0.15'];
const SERVERS6 = ['fd00:10::b', 'fd00:10::c', 'fd00:10::d', '::1'];
const MACS = [null, '02:00:00:00:00:0b', '02:00:00:00:00:1b', '02:00:00:00:00:2b'] as const;

const CLIENTS = [
  '192.0.2.1',
  '192.0.2.77',
  '198.51.100.9',
  '203.0.113.200',
  '2001:db8:1::9',
  '2001:db8:1::a',
  '2001:db8:2::9',
];
/** This host's own, and one that no host may have. */
const BAD_CLIENTS = ['10.0.0.1', '127.0.0.9', 'ff02::1'];

const TARGETS: readonly Target[] = [
  ...[80, 21, 20, 5000, 1023, 81].map(
    (virtualPort): Target => ({ protocol: 'tcp', virtual: VIP, virtualPort }),
  ),
  ...[53, 5000].map((virtualPort): Target => ({ protocol: 'udp', virtual: VIP, virtualPort })),
  { protocol: 'sctp', virtual: VIP, virtualPort: 36412 },
  { protocol: 'tcp', virtual: VIP2, virtualPort: 443 },
  { protocol: 'udp', virtual: VIP2, virtualPort: 443 },
  { protocol: 'tcp', virtual: VIP6, virtualPort: 80 },
  { protocol: 'udp', virtual: VIP6, virtualPort: 53 },
  { protocol: 'tcp', virtual: '10.0.0.99', virtualPort: 80 },
];

const SCHEDULERS = 'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh none'.split(' ');
/** So that a template's time is up together with that of what depends on it only where 60 s make it so. */
const PERSISTENCE = [7, 50, 100, 385];
const MARK_RULES: Extract<Edit, { op: 'set-marks' }>['rules'] = [
  { mark: 7, protocol: 'tcp', destination: VIP, ports: [80, 90] },
  { mark: 9, destination: VIP, ports: [5000, 5010], sources: ['192.0.2.0/24', '203.0.113.200'] },
  { mark: 8, destination: VIP, protocol: 'tcp', ports: [80, 80], sources: ['198.51.100.0/25'] },
  { mark: 7, destination: '10.0.0.96/28', sources: ['192.0.2.64/26'] },
  { mark: 9, destination: VIP2 },
  { mark: 7, destination: 'fd00:10::/64', ports: [53, 80] },
  { mark: 7, destination: VIP6, sources: ['2001:db8:1::/48'] },
];
const SETTINGS: Readonly<Record<string, readonly number[]>> = {
  conn_reuse_mode: [0, 1, 2, 3],
  expire_nodest_conn: [0, 1],
  expire_quiescent_template: [0, 1],
  schedule_icmp: [0, 1],
  secure_tcp: [0, 1, 3],
  sloppy_tcp: [0, 1],
  sloppy_sctp: [0, 1],
  drop_packet: [0, 0, 1, 2, 3],
  am_droprate: [2, 5, 10],
  ignore_tunneled: [0, 1],
  nat_icmp_send: [0, 1],
};
const FLAGS = [2, 2, 2, 16, 16, 16, 24, 17, 17, 4, 20, 18, 6, 0, 8, 32, 1, 19, 3];
const CHUNKS = [1, 1, 1, 0, 0, 2, 3, 6, 7, 8, 9, 10, 10, 11, 14, 200];

export function randomWorld(random: Random): World {
  const services = random.some(SERVICES, random.between(1, 4));
  const own = TARGETS.filter((target) => services.some((service) => belongsTo(target, service)));
  return {
    capacity: random.chance(0.8) ? 512 : random.between(6, 24),
    clients: [...random.some(CLIENTS.slice(0, 4), 2), ...random.some(CLIENTS.slice(4), 2)],
    ports: random.some([1001, 1002, 40000], 2),
    targets: [...own, ...own, ...own, ...own, random.pick(TARGETS)],
    services,
  };
}

const belongsTo = ({ protocol, virtual, virtualPort }: Target, service: ServiceAddress): boolean => {
  if ('fwmark' in service) {
    const isMarked = [80, 443, 53, 5000].includes(virtualPort);
    return isMarked && virtual.includes(':') === (service.family === 6);
  }
  const isPort = [virtualPort, 0].includes(service.port) || (service.port === 21 && virtualPort !== 81);
  return service.protocol === protocol && service.address === virtual && isPort;
};

/** Services with servers, so that a run does not begin in the void. */
export function firstSteps(world: World, random: Random): Step[] {
  const edits: Edit[] = [{ op: 'set-marks', rules: random.some(MARK_RULES, random.between(3, 7)) }];
  for (const service of world.services) {
    edits.push({ op: 'add-service', service, options: serviceOptions(service, random) });
    const servers = random.some(serversOf(service).slice(0, 5), random.between(1, 4));
    for (const address of servers) {
      const server = { address, port: serverPort(service, random) };
      edits.push({ op: 'add-server', service, server, options: serverOptions(random) });
    }
  }
  for (let count = random.below(4); count > 0; count--) edits.push(setting(random));
  return edits.map((edit) => ({ do: 'edit', edit }));
}

export class StepSource {
  private readonly world: World;
  private readonly random: Random;
  private lastFrames: FrameSpec[] = [];
  private lastFragment: FrameSpec | undefined;
  private datagrams = 0;

  constructor(world: World, random: Random) {
    this.world = world;
    this.random = random;
  }

  next(): Step {
    const { random } = this;
    const kind = random.number();
    if (kind < 0.8) return { do: 'frame', frame: this.frame() };
    if (kind < 0.9) return { do: 'wait', ticks: this.ticks() };
    if (kind < 0.985) return { do: 'edit', edit: this.edit() };
    if (kind < 0.995) {
      const address = random.pick([...SERVERS4, ...SERVERS6]);
      return { do: 'next-hop', address, mac: random.pick(MACS) };
    }
    return { do: 'list' };
  }

  private ticks(): number {
    const { random } = this;
    const kind = random.number();
    if (kind < 0.3) return random.between(1, 99);
    if (kind < 0.8) return random.between(100, 1000);
    if (kind < 0.96) return random.between(5500, 13_000);
    return random.between(13_000, random.chance(0.15) ? 92_000 : 40_000);
  }

  private frame(): FrameSpec {
    const { random } = this;
    const again = this.lastFrames.length > 0 && random.chance(0.5);
    const spec = again ? this.alike(random.pick(this.lastFrames)) : this.fresh();
    if (spec.kind === 'packet' && spec.fragment === undefined) {
      this.lastFrames.push(spec);
      if (this.lastFrames.length > 6) this.lastFrames.shift();
    }
    return spec;
  }

  private fresh(): FrameSpec {
    const { random, world } = this;
    const target = random.pick(world.targets);
    const isIpv6 = target.virtual.includes(':');
    const clients = random.chance(0.01) ? BAD_CLIENTS : world.clients;
    return {
      kind: 'packet',
      ...target,
      client: random.pick(clients.filter((client) => client.includes(':') === isIpv6)),
      clientPort: random.chance(0.01) ? 20 : random.pick(world.ports),
      ...this.contents(),
    };
  }

  private contents() {
    const { random } = this;
    return {
      flags: random.pick(FLAGS),
      chunk: random.pick(CHUNKS),
      payloadBytes: random.chance(0.8) ? 0 : 5,
      ttl: random.chance(0.97) ? 64 : random.pick([0, 1, 2]),
      type: 3,
      isDamaged: false,
    };
  }

  /** More of a connection: packets, an ICMP error, an answer of this host's, a datagram in pieces. */
  private alike(spec: FrameSpec): FrameSpec {
    const { random } = this;
    const kind = random.number();
    const more = { ...spec, ...this.contents() };
    if (kind < 0.75) return more;
    if (kind < 0.85) {
      const types = spec.virtual.includes(':') ? [1, 2, 3, 4] : [3, 4, 11];
      return { ...more, kind: 'icmp-error', type: random.pick(types), isDamaged: random.chance(0.05) };
    }
    if (kind < 0.92) return spec.protocol === 'sctp' ? more : { ...more, kind: 'reply' };
    return this.fragment(more);
  }

  /** Of a new datagram, or the other part of the last one. */
  private fragment(spec: FrameSpec): FrameSpec {
    const { random, lastFragment } = this;
    const isOther = lastFragment?.fragment !== undefined && random.chance(0.7);
    const { id, part } = isOther ? lastFragment.fragment : { id: ++this.datagrams, part: 'later' };
    const next = random.chance(0.8) ? (part === 'first' ? 'later' : 'first') : 'later';
    this.lastFragment = { ...(isOther ? lastFragment : spec), fragment: { id, part: next } };
    return this.lastFragment;
  }

  private edit(): Edit {
    const { random, world } = this;
    const service = random.pick(world.services);
    const address = random.pick(serversOf(service).slice(0, 4));
    const server = { address, port: serverPort(service, random) };
    switch (random.weighted(EDIT_WEIGHTS)) {
      case 'add-server':
        return { op: 'add-server', service, server, options: serverOptions(random) };
      case 'edit-server':
        return { op: 'edit-server', service, server, options: serverOptions(random) };
      case 'delete-server':
        return { op: 'delete-server', service, server };
      case 'add-service':
        return { op: 'add-service', service, options: serviceOptions(service, random) };
      case 'edit-service':
        return { op: 'edit-service', service, options: serviceOptions(service, random) };
      case 'delete-service':
        return { op: 'delete-service', service };
      case 'flush':
        return { op: 'flush' };
      case 'zero':
        return random.chance(0.5) ? { op: 'zero' } : { op: 'zero', service };
      case 'set':
        return setting(random);
      case 'set-timeouts': {
        const timeouts = { tcpSec: random.pick([0, 900, 17]), tcpFinSec: random.pick([0, 120, 45]) };
        return { op: 'set-timeouts', timeouts: { ...timeouts, udpSec: random.pick([0, 300, 32]) } };
      }
      case 'set-marks':
        return { op: 'set-marks', rules: random.some(MARK_RULES, random.below(8)) };
    }
  }
}

const EDIT_WEIGHTS = {
  'add-server': 25,
  'edit-server': 25,
  'delete-server': 10,
  'add-service': 6,
  'edit-service': 6,
  'delete-service': 1.5,
  flush: 0.3,
  zero: 2,
  set: 12,
  'set-timeouts': 3,
  'set-marks': 4,
};

function setting(random: Random): Edit {
  const name = random.pick(Object.keys(SETTINGS));
  return { op: 'set', name, value: random.pick(SETTINGS[name]!) };
}

const serversOf = (service: ServiceAddress): readonly string[] =>
  ('fwmark' in service ? service.family === 6 : service.address.includes(':')) ? SERVERS6 : SERVERS4;

/** Only a service of a mark may have servers on ports of their own. */
const serverPort = (service: ServiceAddress, random: Random): number =>
  'fwmark' in service ? random.pick([0, 0, 8080]) : service.port;

function serviceOptions(service: ServiceAddress, random: Random): ServiceOptions {
  const scheduler = random.pick(SCHEDULERS);
  const isHash = scheduler === 'sh' || scheduler === 'mh';
  // Without persistence nobody can have port 0.
  const isPersistent = ('port' in service && service.port === 0) || random.chance(0.35);
  const isIpv6 = serversOf(service) === SERVERS6;
  return {
    ...SERVICE_OPTIONS,
    scheduler,
    schedulerFlags: isHash ? random.pick([0, 8, 16, 24]) : 0,
    persistentSec: isPersistent ? random.pick(PERSISTENCE) : 0,
    netmask: isIpv6 ? random.pick([128, 64, 33]) : random.pick([0xffffffff, 0xffffff00, 0xff0000ff]),
    onePacket: random.chance(0.2),
  };
}

function serverOptions(random: Random): ServerOptions {
  const upperThreshold = random.chance(0.3) ? random.between(1, 6) : 0;
  // Now and then one that is refused.
  const lowerThreshold = random.chance(0.1)
    ? random.between(0, 3)
    : Math.min(upperThreshold, random.below(3));
  return {
    ...SERVER_OPTIONS,
    forwarding: random.chance(0.97) ? 'direct-route' : 'tunnel',
    weight: random.chance(0.95) ? random.below(5) : random.pick([60, 100, 65535]),
    upperThreshold,
    lowerThreshold,
  };
}

/** For people. */
export function renderStep(step: Step): string {
  if (step.do === 'frame') return renderFrame(step.frame);
  if (step.do === 'raw') return `frame ${step.frame}`;
  if (step.do === 'wait') return `${step.ticks / 100} s pass`;
  if (step.do === 'next-hop')
    return `${step.address} is ${step.mac === null ? 'not resolved' : `at ${step.mac}`}`;
  return step.do === 'list' ? 'list everything' : renderEdit(step.edit);
}

function renderEdit(edit: Edit): string {
  const defaults: Record<string, unknown> = { ...SERVICE_OPTIONS, ...SERVER_OPTIONS };
  const changed = (options: object) =>
    Object.entries(options)
      .filter(([name, value]) => JSON.stringify(defaults[name]) !== JSON.stringify(value))
      .map(([name, value]) => ` ${name} ${typeof value === 'object' ? JSON.stringify(value) : value}`)
      .join('');
  const { op } = edit;
  const service = 'service' in edit && edit.service !== undefined ? ` ${serviceName(edit.service)}` : '';
  const server = 'server' in edit ? ` ${edit.server.address} ${edit.server.port}` : '';
  if (op === 'set') return `set ${edit.name} ${edit.value}`;
  if (op === 'set-timeouts') return `set-timeouts${changed(edit.timeouts)}`;
  if (op === 'set-marks') return `set-marks ${JSON.stringify(edit.rules)}`;
  return `${op}${service}${server}${'options' in edit ? changed(edit.options) : ''}`;
}
