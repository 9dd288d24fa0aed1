/** Each real server asked for each of its services, through the virtual address and at its own. */
import { NotChecked } from './check.ts';
import { type Answer, connect, endsFor, ping, sendDatagram } from './reach.ts';
import type { ServerService, ServerView, Situation } from './situation.ts';
import type { Wire } from './wire.ts';

/** More would be a flood; what is behind is not asked, and the check `daemon` says so. */
export const MAX_ASKED = 512;

export interface ServerReach {
  readonly server: string;
  readonly mac: string;
  readonly service: ServerService;
  /** To its own address. */
  readonly pings: boolean;
  /** To the virtual address, at its MAC. */
  readonly pingsVirtual: boolean;
  /** Null: nothing that can be asked, as of SCTP and of all ports. */
  readonly own: Answer | null;
  readonly virtual: Answer | null;
}

/** Of servers whose MAC is known. */
export const reachServers = (situation: Situation): Promise<ServerReach[]> =>
  situation.once('reach of servers', async () => {
    if (situation.parts.status === undefined)
      throw new NotChecked('no director says which servers there are');
    const pairs = resolved(situation.parts.servers).flatMap((server) =>
      server.services.filter(isDirect).map((service) => ({ server, service })),
    );
    const answers = await Promise.all(
      pairs.slice(0, MAX_ASKED).map(({ server, service }) => reach(situation, server, service)),
    );
    return answers.filter((answer) => answer !== undefined);
  });

export type ResolvedServer = ServerView & { readonly mac: string };

export const resolved = (servers: readonly ServerView[]): ResolvedServer[] =>
  servers.filter((server): server is ResolvedServer => server.kind === 'neighbor' && server.mac !== null);

const isDirect = ({ forwarding }: ServerService): boolean => forwarding === 'direct-route';

async function reach(
  situation: Situation,
  server: ResolvedServer,
  service: ServerService,
): Promise<ServerReach | undefined> {
  const { interfaceName, mac, address } = server;
  const wire = situation.wire(interfaceName);
  const { virtual } = situation.parts;
  const toOwn = endsFor(wire.link, mac, address, virtual);
  const toVirtual = endsFor(wire.link, mac, service.address, virtual, address);
  if (toOwn === null || toVirtual === null) return undefined;
  const pingOnce = (to: string, ends: typeof toOwn) =>
    situation.once(`ping ${interfaceName} ${mac} ${to}`, () => ping(wire, ends));
  const [pings, pingsVirtual, own, throughVirtual] = await Promise.all([
    pingOnce(address, toOwn),
    pingOnce(service.address, toVirtual),
    ask(wire, toOwn, service),
    ask(wire, toVirtual, service),
  ]);
  return { server: address, mac, service, pings, pingsVirtual, own, virtual: throughVirtual };
}

function ask(
  wire: Wire,
  ends: Parameters<typeof ping>[1],
  { protocol, port }: ServerService,
): Promise<Answer | null> {
  if (port === 0 || protocol === 'sctp') return Promise.resolve(null);
  return protocol === 'tcp' ? connect(wire, ends, port) : sendDatagram(wire, ends, port);
}
