/** The TypeScript path and the program in the kernel side by side: each step goes to both, and they must agree on all of it. */
import { renderConnection } from '../../src/cli/diradm/connections.ts';
import { renderNumeric } from '../../src/cli/diradm/endpoint-names.ts';
import { expire } from '../../src/datapath/connection-life.ts';
import { DirectorError } from '../../src/errors.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit } from '../../src/service/model.ts';
import { CONFIG } from '../../src/xdp/layout.ts';
import { DIRECTOR_MAC, toHex } from '../helpers/frame-builder.ts';
import { DIRECTOR_ADDRESS, MAC_OF, TestDirector } from '../helpers/test-director.ts';
import { MAX_FRAME_BYTES, MIN_FRAME_BYTES, XdpDirector } from '../helpers/xdp-director.ts';
import { Disagreement } from '../model/duel.ts';
import { frameOf } from '../model/frames.ts';
import type { Contest, ContestKind } from '../model/search.ts';
import type { Step } from '../model/steps.ts';
import { changed } from './changed.ts';

const TICKS_PER_SECOND = 100;
/** Large enough that neither is ever full: what a full one does is different, and has tests of its own. */
const CAPACITY = 512;
/** Small, since tables are looked through often. */
const SIZES = { connections: CAPACITY, services: 64, servers: 512 };
/** Milliseconds since midnight, as both write them into timestamps. */
const DAY_MS = 12_345_678;

let shared: XdpDirector | undefined;

/** One program for all worlds: the verifier takes a second for each. */
function programAsNew(): XdpDirector {
  if (shared === undefined) shared = new XdpDirector(DIRECTOR_MAC, CAPACITY, SIZES);
  else shared.reset(CAPACITY);
  return shared;
}

export const PATH_AND_PROGRAM: ContestKind = {
  names: 'path and program',
  again: (seed, steps) => `npm run differential -- --seed ${seed} --steps ${steps}`,
  create: () => new Twins(),
  change: changed,
};

class Twins implements Contest {
  readonly reached = new Map<string, number>();
  private readonly path: TestDirector;
  private readonly program = programAsNew();
  private configuration: Configuration = EMPTY_CONFIGURATION;

  constructor() {
    this.path = new TestDirector([], { connectionTableSize: CAPACITY });
    const own = [DIRECTOR_ADDRESS, '10.0.0.100', 'fd00:10::100'];
    const { session } = this.program;
    session.setNextHops([
      ...Object.entries(MAC_OF).map(([address, mac]) => ({
        address,
        kind: 'neighbor' as const,
        mac,
        interface: null,
      })),
      ...['127.0.0.1', '::1', ...own].map((address) => ({
        address,
        kind: 'local' as const,
        mac: null,
        interface: null,
      })),
    ]);
    session.setHost({ interfaceUp: true, mac: DIRECTOR_MAC, mtu: 1500, addresses: own });
    this.program.now = this.path.path.now;
  }

  run(step: Step): void {
    if (step.do === 'edit') this.edit(step.edit);
    else if (step.do === 'frame') this.handle(frameOf(step.frame).bytes);
    else if (step.do === 'raw') this.handle(Uint8Array.from(Buffer.from(step.frame, 'hex')));
    else if (step.do === 'wait') this.wait(step.ticks);
    else if (step.do === 'list') this.compareLists();
    else {
      const nextHop = { address: step.address, kind: 'neighbor' as const, mac: step.mac, interface: null };
      this.path.session.setNextHops([nextHop]);
      this.program.session.setNextHops([nextHop]);
    }
  }

  private edit(edit: Edit): void {
    try {
      this.configuration = applyEdit(this.configuration, edit);
    } catch (error) {
      if (error instanceof DirectorError) return;
      throw error;
    }
    this.path.edit(edit);
    this.program.session.edit([edit]);
  }

  private handle(frame: Uint8Array): void {
    if (frame.length < MIN_FRAME_BYTES || frame.length > MAX_FRAME_BYTES) return;
    this.program.program.config.set64(0, CONFIG.at.dayOffsetMs, BigInt(DAY_MS));
    const of = withDate(() => this.path.handle(frame));
    const got = this.program.handle(frame);
    this.reached.set(of.verdict, (this.reached.get(of.verdict) ?? 0) + 1);
    agree('the verdict', of.verdict, got.verdict);
    agree('what was sent', of.sent.map(toHex).join('\n  '), got.sent.map(toHex).join('\n  '));
    const isHosts = /^(Pass|Deliver)/.test(of.verdict) || isRefusedByDecode(of.verdict);
    agree('what this host has', String(isHosts), String(got.passed));
  }

  /** From timer to timer, and on by a tick: no frame comes at the moment when one runs out. */
  private wait(ticks: number): void {
    const { path } = this.path;
    const end = path.now + ticks;
    while (path.now < end) {
      const second = (Math.floor(path.now / TICKS_PER_SECOND) + 1) * TICKS_PER_SECOND;
      const expiry = this.nextExpiry();
      const next = Math.min(end, second, Math.max(expiry, path.now + 1));
      this.setNow(next);
      if (expiry <= next || next === end) this.sweep();
      if (next !== second) continue;
      this.path.session.everySecond();
      this.program.session.everySecond();
    }
    this.setNow(path.now + 1);
  }

  /** Twice: the sweep may meet a template before the connection that holds it. */
  private sweep(): void {
    const { path } = this.path;
    if (this.someTemplateEndsAt(path.now)) this.endConnectionsBeforeTemplates(path.now);
    for (let round = 0; round < 2; round++) {
      this.path.sweepSlice(path.connections.highestEntry);
      this.program.sweepAll();
    }
  }

  private setNow(ticks: number): void {
    this.path.path.now = ticks;
    this.program.now = ticks;
  }

  private someTemplateEndsAt(ticks: number): boolean {
    const { connections } = this.path.path;
    for (let entry = 1; entry <= connections.highestEntry; entry++)
      if (connections.isLive(entry) && connections.isTemplate(entry) && connections.expires(entry) === ticks)
        return true;
    return false;
  }

  /** A template whose time is up together with that of what depends on it: who is met first decides, so let it be the same. */
  private endConnectionsBeforeTemplates(ticks: number): void {
    const { path } = this.path;
    const { connections } = path;
    for (let entry = 1; entry <= connections.highestEntry; entry++)
      if (connections.isLive(entry) && !connections.isTemplate(entry) && connections.expires(entry) <= ticks)
        expire(path, entry);
    this.program.endExpired();
  }

  private nextExpiry(): number {
    const { connections } = this.path.path;
    let next = Number.POSITIVE_INFINITY;
    for (let entry = 1; entry <= connections.highestEntry; entry++)
      if (connections.isLive(entry)) next = Math.min(next, connections.expires(entry));
    return next;
  }

  private compareLists(): void {
    const of = this.path.session.readCounters();
    const got = this.program.session.readCounters();
    agree('the counters', JSON.stringify(of.services), JSON.stringify(got.services));
    agree('frames by verdict', JSON.stringify(of.verdicts), JSON.stringify(got.verdicts));
    agree('what made room', JSON.stringify(of.madeRoom), JSON.stringify(got.madeRoom));
    agree('live connections', String(of.connections.live), String(got.connections.live));
    const render = (listings: readonly Parameters<typeof renderConnection>[0][]) =>
      listings
        .map((each) => renderConnection(each, renderNumeric))
        .sort()
        .join('');
    agree(
      'the connections',
      render(this.path.connections()),
      render(this.program.session.listConnections(0, 100_000).connections),
    );
  }
}

/** decode() gives its refusals low numbers; the host's own stack has those frames, and drops them itself. */
const isRefusedByDecode = (verdict: string): boolean =>
  /^Drop(Truncated|IpVersion|IpHeaderLength|IpTotalLength|IpChecksum|IpOptions)$/.test(verdict);

function withDate<T>(act: () => T): T {
  const { now } = Date;
  Date.now = () => DAY_MS;
  try {
    return act();
  } finally {
    Date.now = now;
  }
}

function agree(what: string, path: string, program: string): void {
  if (path !== program) throw new Disagreement(`${what}:\n  path:    ${path}\n  program: ${program}`);
}
