/** The TypeScript path as a datapath whose frames are explained. */
import { createHash } from 'node:crypto';
import { ConnectionHash } from '../../src/connection/connection-hash.ts';
import { connectionTableBytes, tableMemoryIn } from '../../src/connection/connection-table.ts';
import { SynFlood } from '../../src/datapath/syn-flood.ts';
import { VERDICT_COUNT } from '../../src/datapath/verdict.ts';
import type { Edit } from '../../src/service/model.ts';
import type { RealServer } from '../../src/service/real-server.ts';
import { TestDirector } from '../helpers/test-director.ts';
import type { Random } from '../model/random.ts';
import type { ContestKind } from '../model/search.ts';
import type { Step } from '../model/steps.ts';
import { changed } from '../xdp/changed.ts';
import { type Explained, Explaining } from './contest.ts';

const TICKS_PER_SECOND = 100;
/** More than a world has, so that its table can be looked at often. */
const DATAGRAMS = 1024;
/** For the same reason; so some SYNs are taken for others. */
const PAIRS = 64;

export class ExplainedPath implements Explained {
  readonly limits = { min: 0, max: 60_000 };
  readonly director: TestDirector;
  private readonly buffers: readonly ArrayBuffer[];

  constructor(capacity: number) {
    const buffers = [capacity, DATAGRAMS].map((entries) => new ArrayBuffer(connectionTableBytes(entries)));
    this.buffers = buffers;
    this.director = new TestDirector([], {
      connectionTableSize: capacity,
      memory: {
        connections: tableMemoryIn(buffers[0]!, 0, capacity),
        datagrams: tableMemoryIn(buffers[1]!, 0, DATAGRAMS),
        verdicts: new Float64Array(VERDICT_COUNT),
      },
    });
    Object.assign(this.director.path, { synFlood: new SynFlood(PAIRS) });
  }

  edit(edit: Edit): void {
    this.director.edit(edit);
  }

  excerptFor(frame: Uint8Array) {
    return this.director.session.excerptFor(frame);
  }

  handle(frame: Uint8Array) {
    const before = new Map([...this.director.path.registry].map((server) => [server, countOf(server)]));
    const { verdict, sent } = this.director.handle(frame);
    this.lookForFlood();
    const counted = [...before].find(([server, count]) => countOf(server) !== count);
    return { verdict, sent, server: counted?.[0].address.address };
  }

  wait(ticks: number): void {
    const { director } = this;
    for (let left = ticks; left > 0; ) {
      const step = Math.min(left, TICKS_PER_SECOND);
      director.path.now += step;
      left -= step;
      director.sweepSlice(Math.ceil(director.path.connections.highestEntry / 2));
      this.lookForFlood();
      if (step === TICKS_PER_SECOND) director.session.everySecond();
    }
  }

  private lookForFlood(): void {
    const { synFlood, now, settings } = this.director.path;
    synFlood.look(now, settings.syn_flood_rate);
  }

  setNextHop(address: string, mac: string | null): void {
    this.director.session.setNextHops([{ address, kind: 'neighbor', mac, interface: null }]);
  }

  /** Tables byte by byte, all fields of all objects, and what schedulers keep to themselves. */
  fingerprint(): string {
    const { path, session } = this.director;
    // Its index is built when it is first asked for.
    path.services.hasVersion(4);
    const hash = createHash('sha1');
    for (const buffer of this.buffers) hash.update(new Uint8Array(buffer));
    const places = [...path.services.services].map(({ scheduler }) => scheduler?.readPlace?.() ?? null);
    hash.update(JSON.stringify([fieldsOf(path), fieldsOf(session), places]));
    return hash.digest('hex');
  }
}

const countOf = ({ traffic }: RealServer): string => JSON.stringify(traffic.read());

/** All that JSON can say of an object's fields, private ones too, but for what hashing writes down while it works; each object once. */
function fieldsOf(root: object): string {
  const seen = new Set<object>();
  return JSON.stringify(root, (_key, value: unknown) => {
    if (value instanceof ConnectionHash) return undefined;
    if (typeof value !== 'object' || value === null) return value;
    if (seen.has(value)) return '(seen)';
    seen.add(value);
    if (value instanceof Map || value instanceof Set) return [...value];
    if (!ArrayBuffer.isView(value)) return value;
    const { buffer, byteOffset, byteLength } = value;
    return createHash('sha1')
      .update(new Uint8Array(buffer, byteOffset, byteLength))
      .digest('hex');
  });
}

/** A world has few connections at once: where a flood may be on, it is of two. */
function withFloods(step: Step, random: Random): Step {
  if (step.do === 'edit' && step.edit.op === 'set' && random.chance(0.4))
    return { do: 'edit', edit: { op: 'set', name: 'syn_flood_rate', value: random.chance(0.9) ? 1 : 0 } };
  return changed(step, random);
}

export const EXPLANATION_AND_PATH: ContestKind = {
  names: 'explanation and path',
  again: (seed, steps) => `npm run explained -- --seed ${seed} --steps ${steps}`,
  create: (capacity) => new Explaining(new ExplainedPath(capacity)),
  change: withFloods,
};
