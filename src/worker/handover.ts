/**
 * One datapath process takes over from another that has lost its daemon and still forwards: by two steps in their
 * common memory (path-memory.ts). First the one before tells what it works by, and goes on. When the next one receives
 * frames too, the one before stops, and the next does with what has come meanwhile. So no frame is lost; those that
 * came between the two are sent twice.
 */
import { readlinkSync } from 'node:fs';
import type { Path } from '../datapath/path.ts';
import { serviceKey } from '../service/configuration.ts';
import type { Reach } from '../service/real-server.ts';
import { renderMac } from '../wire/address.ts';
import type { ConfigurationMessage, NextHop, Predecessor } from './messages.ts';
import { type MappedMemory, Step } from './path-memory.ts';
import type { PathSession } from './session.ts';

/** What it works by, but for what lies in the memory. */
export interface HandoverNote {
  readonly configuration: ConfigurationMessage;
  readonly nextHops: readonly NextHop[];
  /** Of schedulers, by serviceKey(). */
  readonly places: Readonly<Record<string, readonly number[]>>;
}

/** That the other one looks at its memory at once, and not at its next slice. */
export const HANDOVER_SIGNAL = 'SIGUSR2';
/** One that does not react in this time hangs, and is killed. */
const REACT_WITHIN_MS = 1000;
const LOOK_MS = 1;

export function writeNote(memory: MappedMemory, { services, registry }: Path, session: PathSession): void {
  const places = [...services.services].flatMap(({ address, scheduler }) => {
    const place = scheduler?.readPlace?.();
    return place === undefined ? [] : [[serviceKey(address), place] as const];
  });
  const nextHops = [...registry.reaches].flatMap(([address, reach]) => nextHopOf(address, reach) ?? []);
  memory.writeNote({
    configuration: session.configurationMessage,
    nextHops,
    places: Object.fromEntries(places),
  } satisfies HandoverNote);
}

export function takePlaces({ services }: Path, places: HandoverNote['places']): void {
  for (const { address, scheduler } of services.services) {
    const place = places[serviceKey(address)];
    if (place !== undefined) scheduler?.takePlace?.(place);
  }
}

/** How a process that forwards is asked, from the one that takes over. */
export class Handover {
  private readonly before: Predecessor;
  private readonly memory: MappedMemory;

  constructor(before: Predecessor, memory: MappedMemory) {
    this.before = before;
    this.memory = memory;
  }

  /** What it works by; it forwards on. Undefined: it hung or died, and is no more. */
  tell(): HandoverNote | undefined {
    return this.ask(Step.Tell) ? (this.memory.readNote() as HandoverNote) : undefined;
  }

  /** What it worked by at the end. Whatever the answer, it forwards no more. */
  stop(): HandoverNote | undefined {
    return this.ask(Step.Stop) ? (this.memory.readNote() as HandoverNote) : undefined;
  }

  private ask(step: Step): boolean {
    const { memory } = this;
    if (!this.isAlive) return false;
    memory.request = step;
    this.signal(HANDOVER_SIGNAL);
    const deadlineMs = performance.now() + REACT_WITHIN_MS;
    while (memory.answer !== step && this.isAlive && performance.now() < deadlineMs) sleep(LOOK_MS);
    if (memory.answer === step) return true;
    this.signal('SIGKILL');
    while (this.isAlive) sleep(LOOK_MS);
    return false;
  }

  /** A process of the same number is another one; one that has ended and waits for its parent has no files. */
  private get isAlive(): boolean {
    try {
      readlinkSync(this.before.memory);
      return true;
    } catch {
      return false;
    }
  }

  private signal(name: NodeJS.Signals): void {
    try {
      process.kill(this.before.pid, name);
    } catch {
      // it has just ended
    }
  }
}

function nextHopOf(address: string, reach: Reach): NextHop | undefined {
  if (reach.kind === 'unresolved') return undefined;
  const mac = reach.kind === 'neighbor' ? renderMac(reach.mac) : null;
  return { address, kind: reach.kind, mac, interface: null };
}

const never = new Int32Array(new SharedArrayBuffer(4));
/** What comes meanwhile waits in the ring of the capture. */
function sleep(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
