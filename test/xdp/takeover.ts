/**
 * Two programs side by side with the same steps: one keeps its session, the other one's ends again and again and a new
 * one takes the maps over. Nobody may be able to tell which is which. Needs root.
 */
import { renderConnection } from '../../src/cli/diradm/connections.ts';
import { renderNumeric } from '../../src/cli/diradm/endpoint-names.ts';
import type { ServiceCounters } from '../../src/service/model.ts';
import type { ConfigurationMessage, NextHop } from '../../src/worker/messages.ts';
import { CONFIG } from '../../src/xdp/layout.ts';
import { XdpSession } from '../../src/xdp/session.ts';
import { DIRECTOR_MAC, toHex } from '../helpers/frame-builder.ts';
import { MAC_OF } from '../helpers/test-director.ts';
import { XdpDirector } from '../helpers/xdp-director.ts';
import { Disagreement } from '../model/duel.ts';
import { frameOf } from '../model/frames.ts';
import { Random } from '../model/random.ts';
import type { Contest, ContestKind } from '../model/search.ts';
import type { Step } from '../model/steps.ts';

const CAPACITY = 512;
const SIZES = { connections: CAPACITY, services: 16, servers: 64 };
const OWN = ['10.0.0.1', '10.0.0.100', 'fd00:10::100'];
const LOCAL = ['127.0.0.1', '::1', ...OWN];

/** A removed server is forgotten when it was idle for so long: its counters begin anew. */
const FORGETTING_TICKS = 100 * 100;

let directors: readonly [XdpDirector, XdpDirector] | undefined;

/** Two for all worlds: the verifier takes a second for each. */
function directorsAsNew(): readonly [XdpDirector, XdpDirector] {
  const create = () => new XdpDirector(DIRECTOR_MAC, CAPACITY, SIZES);
  if (directors === undefined) directors = [create(), create()];
  else for (const director of directors) director.reset(CAPACITY);
  return directors;
}

export function closeDirectors(): void {
  for (const director of directors ?? []) director.close();
  directors = undefined;
}

export const KEPT_AND_TAKEN_OVER: ContestKind = {
  names: 'the session that stayed and those that took over',
  again: (seed, steps) => `DIRECTOR_TAKEOVER_SEED=${seed} DIRECTOR_TAKEOVER_STEPS=${steps}`,
  create: () => new Pair(),
  change: (step, random) => {
    if (random.chance(0.05)) return { do: 'list' };
    // What the maps do not tell: that a MAC went while the daemon was away.
    const isUntold = step.do === 'next-hop' && step.mac === null;
    return isUntold || (isLarge(step) && random.chance(0.9)) ? { do: 'wait', ticks: 7 } : step;
  },
};

/** With all services gone there is little to take over. */
const isLarge = (step: Step): boolean =>
  step.do === 'edit' && (step.edit.op === 'delete-service' || step.edit.op === 'flush');

class Pair implements Contest {
  readonly reached = new Map<string, number>();
  private readonly kept: XdpDirector;
  private readonly takenOver: XdpDirector;
  private readonly random = new Random(1);
  private tellsServers = true;
  private ticksSinceRemoval: number | undefined;
  private readonly macs = new Map(Object.entries(MAC_OF));

  constructor() {
    [this.kept, this.takenOver] = directorsAsNew();
    for (const director of this.both) {
      setHost(director.session);
      director.session.setNextHops(this.nextHops(() => true));
      director.now = 1;
    }
  }

  run(step: Step): void {
    const { do: what } = step;
    if (isLarge(step) || (what === 'edit' && step.edit.op === 'delete-server')) this.ticksSinceRemoval ??= 0;
    if (what === 'wait' && this.ticksSinceRemoval !== undefined) this.ticksSinceRemoval += step.ticks;
    // Who takes over does not know for how long a removed server has been idle.
    if ((this.ticksSinceRemoval ?? 0) > FORGETTING_TICKS) this.tellsServers = false;
    if (step.do === 'list') {
      this.compare();
      this.takeOver();
      this.compare();
    } else if (step.do === 'next-hop') {
      if (step.mac !== null) this.macs.set(step.address, step.mac);
      for (const { session } of this.both)
        session.setNextHops(this.nextHops((address) => address === step.address));
    } else if (step.do === 'edit') {
      this.edit(step.edit);
    } else if (step.do === 'wait') {
      this.wait(step.ticks);
    } else {
      this.handle(
        step.do === 'raw' ? Uint8Array.from(Buffer.from(step.frame, 'hex')) : frameOf(step.frame).bytes,
      );
    }
  }

  private get both(): readonly XdpDirector[] {
    return [this.kept, this.takenOver];
  }

  private nextHops(wanted: (address: string) => boolean): NextHop[] {
    const neighbors = [...this.macs].filter(([address]) => wanted(address) && !LOCAL.includes(address));
    return [
      ...neighbors.map(([address, mac]): NextHop => ({ address, kind: 'neighbor', mac, interface: null })),
      ...LOCAL.filter(wanted).map(
        (address): NextHop => ({ address, kind: 'local', mac: null, interface: null }),
      ),
    ];
  }

  private edit(edit: Extract<Step, { do: 'edit' }>['edit']): void {
    const refusals = this.both.map(({ session }) => {
      try {
        session.edit([edit]);
        return '';
      } catch (error) {
        return String(error);
      }
    });
    agree('an edit', refusals[0]!, refusals[1]!);
  }

  private handle(frame: Uint8Array): void {
    const [of, got] = this.both.map((director) => {
      director.program.config.set64(0, CONFIG.at.dayOffsetMs, 12_345_678n);
      return director.handle(frame);
    }) as [ReturnType<XdpDirector['handle']>, ReturnType<XdpDirector['handle']>];
    this.reached.set(of.verdict, (this.reached.get(of.verdict) ?? 0) + 1);
    agree('the verdict', of.verdict, got.verdict);
    agree('what was sent', of.sent.map(toHex).join(), got.sent.map(toHex).join());
  }

  private wait(ticks: number): void {
    for (const director of this.both) {
      director.now += ticks;
      director.sweepAll();
      director.session.everySecond();
    }
  }

  /** A daemon that has just begun may not know yet which MACs the servers have. */
  private takeOver(): void {
    const before = this.takenOver.session.configurationMessage;
    const session = new XdpSession(this.takenOver.program, CAPACITY);
    agree('the configuration', render(before), render(session.adopted!));
    this.takenOver.session = session;
    setHost(session);
    const knowsMacs = this.random.chance(0.5);
    const direct = addressesByMac(before);
    session.setNextHops(
      this.nextHops(() => true).map((nextHop) =>
        !knowsMacs && direct.has(nextHop.address) ? { ...nextHop, mac: null } : nextHop,
      ),
    );
  }

  private compare(): void {
    agree(
      'the configuration',
      render(this.kept.session.configurationMessage),
      render(this.takenOver.session.configurationMessage),
    );
    const [of, got] = this.both.map(({ session }) => session.readCounters());
    agree('the counters', this.renderCounters(of!.services), this.renderCounters(got!.services));
    agree('live connections', String(of!.connections.live), String(got!.connections.live));
    agree('frames by verdict', JSON.stringify(of!.verdicts), JSON.stringify(got!.verdicts));
    const [kept, takenOver] = this.both.map(({ session }) =>
      session
        .listConnections(0, 100_000)
        .connections.map((each) => renderConnection(each, renderNumeric))
        .sort()
        .join(''),
    );
    agree('the connections', kept!, takenOver!);
  }

  /** Averages are of the process. */
  private renderCounters(services: Readonly<Record<string, ServiceCounters>>): string {
    const rows = Object.entries(services).flatMap(([service, { traffic, servers }]) => [
      [service, JSON.stringify(traffic)],
      ...Object.entries(servers).map(([server, { traffic, rates: _, ...load }]) => [
        service,
        server,
        JSON.stringify(load),
        this.tellsServers ? JSON.stringify(traffic) : '',
      ]),
    ]);
    return rows.map((row) => row.join(' ')).join('\n  ');
  }
}

function setHost(session: XdpSession): void {
  session.setHost({ interfaceUp: true, mac: DIRECTOR_MAC, mtu: 1500, addresses: OWN });
}

const addressesByMac = ({ services }: ConfigurationMessage): ReadonlySet<string> =>
  new Set(
    services.flatMap(({ servers }) =>
      servers
        .filter(({ options }) => options.forwarding === 'direct-route')
        .map(({ server }) => server.address),
    ),
  );

/** Whatever the order of keys. */
const render = (message: ConfigurationMessage): string =>
  JSON.stringify(message, (_, value) =>
    value === null || typeof value !== 'object' || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).sort(([a], [b]) => a.localeCompare(b))),
  );

function agree(what: string, kept: string, takenOver: string): void {
  if (kept !== takenOver) throw new Disagreement(`${what}:\n  stayed:    ${kept}\n  took over: ${takenOver}`);
}
