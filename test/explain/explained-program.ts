/** The program in the kernel as a datapath whose frames are explained. Needs root. */
import { createHash } from 'node:crypto';
import type { Edit } from '../../src/service/model.ts';
import { CONFIG } from '../../src/xdp/layout.ts';
import { DIRECTOR_MAC } from '../helpers/frame-builder.ts';
import { DIRECTOR_ADDRESS, MAC_OF } from '../helpers/test-director.ts';
import { HASHED, MAX_FRAME_BYTES, MIN_FRAME_BYTES, SHARED, XdpDirector } from '../helpers/xdp-director.ts';
import type { ContestKind } from '../model/search.ts';
import { changed } from '../xdp/changed.ts';
import { DAY_MS, type Explained, Explaining } from './contest.ts';

const TICKS_PER_SECOND = 100;
/** Large enough that it is never full: who makes room then is looked at beforehand, not tried. */
const CAPACITY = 512;
const SIZES = { connections: CAPACITY, services: 64, servers: 512 };

let shared: XdpDirector | undefined;

/** One program for all worlds: the verifier takes a second for each. */
function programAsNew(): XdpDirector {
  if (shared === undefined) shared = new XdpDirector(DIRECTOR_MAC, CAPACITY, SIZES);
  else shared.reset(CAPACITY);
  return shared;
}

class ExplainedProgram implements Explained {
  readonly limits = { min: MIN_FRAME_BYTES, max: MAX_FRAME_BYTES };
  private readonly director = programAsNew();

  constructor() {
    const { session } = this.director;
    const own = [DIRECTOR_ADDRESS, '10.0.0.100', 'fd00:10::100'];
    for (const [address, mac] of Object.entries(MAC_OF)) this.setNextHop(address, mac);
    session.setNextHops(
      ['127.0.0.1', '::1', ...own].map((address) => ({
        address,
        kind: 'local' as const,
        mac: null,
        interface: null,
      })),
    );
    session.setHost({ interfaceUp: true, mac: DIRECTOR_MAC, mtu: 1500, addresses: own });
    this.director.now = 0;
  }

  edit(edit: Edit): void {
    this.director.session.edit([edit]);
  }

  excerptFor(frame: Uint8Array) {
    return this.director.session.excerptFor(frame);
  }

  handle(frame: Uint8Array) {
    this.director.program.config.set64(0, CONFIG.at.dayOffsetMs, BigInt(DAY_MS));
    return this.director.handle(frame);
  }

  wait(ticks: number): void {
    for (let left = ticks; left > 0; ) {
      const step = Math.min(left, TICKS_PER_SECOND);
      this.director.now += step;
      left -= step;
      this.director.sweepAll();
      if (step === TICKS_PER_SECOND) this.director.session.everySecond();
    }
  }

  setNextHop(address: string, mac: string | null): void {
    this.director.session.setNextHops([{ address, kind: 'neighbor', mac, interface: null }]);
  }

  /** All maps, but for those that only tell. */
  fingerprint(): string {
    const { object } = this.director.program;
    const hash = createHash('sha1');
    for (const map of SHARED) hash.update(new Uint8Array(object.map(map)));
    for (const map of HASHED) {
      const { keyBytes, valueBytes } = object.mapInfo(map);
      const value = new Uint8Array(valueBytes);
      const next = new Uint8Array(keyBytes);
      const entries: string[] = [];
      for (let key: Uint8Array | null = null; object.nextKey(map, key, next); key = next.slice()) {
        object.lookup(map, next, value);
        entries.push(Buffer.concat([next, value]).toString('hex'));
      }
      hash.update(entries.sort().join());
    }
    return hash.digest('hex');
  }
}

export const EXPLANATION_AND_PROGRAM: ContestKind = {
  names: 'explanation and program',
  again: (seed, steps) => `npm run explained:xdp -- --seed ${seed} --steps ${steps}`,
  create: () => new Explaining(new ExplainedProgram()),
  change: changed,
};
