/** Edits of one service, one after the other, and who may get a frame after each of them. */
import type { Edit } from '../../src/service/model.ts';
import {
  addServer,
  addService,
  deleteServer,
  deleteService,
  editServer,
  editService,
} from '../helpers/edits.ts';
import { Random } from '../model/random.ts';
import { DNS, serverName } from './rig.ts';

export interface PlannedEdit {
  /** Carried out in one go. */
  readonly edits: readonly Edit[];
  /** Numbers of servers that take connections after that. */
  readonly takers: ReadonlySet<number>;
}

const SERVERS = 12;
const SCHEDULERS = 'rr wrr lc wlc lblc lblcr dh sh sed nq fo ovf mh'.split(' ');

/** Each frame is scheduled, since a service of single packets remembers nothing. */
const options = (scheduler: string) => ({
  scheduler,
  onePacket: true,
  // sh and mh take another server for one that takes no connections.
  schedulerFlags: ['sh', 'mh'].includes(scheduler) ? 8 : 0,
});

/** After each of them there is a server that takes connections. */
export function planEdits(seed: number, count: number): PlannedEdit[] {
  const random = new Random(seed);
  let scheduler = random.pick(SCHEDULERS);
  let weights = new Map<number, number>([[0, 1]]);
  const isTaken = (weight: number) => weight > 0;
  const weight = () => (scheduler !== 'dh' && random.chance(0.3) ? 0 : random.pick([1, 1, 2, 3, 7, 10, 100]));
  const add = (number: number, w: number) => addServer(DNS, serverName(number, 53), { weight: w });
  const takersOf = () => new Set([...weights].filter(([, each]) => isTaken(each)).map(([number]) => number));

  const change = (): Edit[] => {
    const number = random.below(SERVERS);
    const known = weights.get(number);
    const next = weight();
    if (known === undefined) {
      weights.set(number, next);
      return [add(number, next)];
    }
    if (random.chance(0.4)) {
      weights.delete(number);
      return [deleteServer(DNS, serverName(number, 53))];
    }
    weights.set(number, next);
    return [editServer(DNS, serverName(number, 53), { weight: next })];
  };
  const otherScheduler = (): Edit[] => {
    scheduler = random.pick(SCHEDULERS);
    const edits = [editService(DNS, options(scheduler))];
    if (scheduler !== 'dh') return edits;
    const idle = [...weights].filter(([, each]) => each === 0).map(([number]) => number);
    for (const number of idle) weights.set(number, 1);
    return [...edits, ...idle.map((number) => editServer(DNS, serverName(number, 53), { weight: 1 }))];
  };
  const replacement = (): Edit[] => {
    scheduler = random.pick(SCHEDULERS);
    const numbers = random.some([...Array(SERVERS).keys()], random.between(1, 5));
    weights = new Map(numbers.map((number) => [number, weight()]));
    const away: Edit = random.chance(0.5) ? deleteService(DNS) : { op: 'flush' };
    return [
      away,
      addService(DNS, options(scheduler)),
      ...[...weights].map(([number, each]) => add(number, each)),
    ];
  };
  const draw = (): Edit[] => {
    const kind = random.number();
    if (kind < 0.15) return replacement();
    if (kind < 0.3) return otherScheduler();
    return Array.from({ length: random.between(1, 4) }, change).flat();
  };

  const first = [addService(DNS, options(scheduler)), add(0, 1)];
  const plan: PlannedEdit[] = [{ edits: first, takers: takersOf() }];
  while (plan.length < count) {
    const before = { scheduler, weights: new Map(weights) };
    const edits = draw();
    if (takersOf().size > 0) plan.push({ edits, takers: takersOf() });
    else ({ scheduler, weights } = before);
  }
  return plan;
}
