/**
 * An explanation and the live datapath side by side: of each frame it is first worked out what would become of it, then
 * the datapath gets it. Both must agree, and what there was before must be there after explaining.
 */

import { DirectorError } from '../../src/errors.ts';
import type { Excerpt } from '../../src/explain/excerpt.ts';
import { explain } from '../../src/explain/explain.ts';
import { KNOWS_A_FILE } from '../../src/explain/knowledge.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import type { Edit } from '../../src/service/model.ts';
import { toHex } from '../helpers/frame-builder.ts';
import { Disagreement } from '../model/duel.ts';
import { frameOf } from '../model/frames.ts';
import type { Contest } from '../model/search.ts';
import type { Step } from '../model/steps.ts';

/** A datapath whose frames are explained. */
export interface Explained {
  edit(edit: Edit): void;
  excerptFor(frame: Uint8Array): Excerpt;
  /** `server`: whose counters changed; undefined: nobody's, or it is not known. */
  handle(frame: Uint8Array): { verdict: string; sent: readonly Uint8Array[]; server?: string | undefined };
  wait(ticks: number): void;
  setNextHop(address: string, mac: string | null): void;
  /** Of all of its state. */
  fingerprint(): string;
  readonly limits: { readonly min: number; readonly max: number };
}

const KNOWLEDGE = { ...KNOWS_A_FILE, datapath: 'pcap' } as const;
/** The state is compared of one frame in so many. */
const COMPARED = 10;
/** Milliseconds since midnight, as the datapath and the explanation write them into timestamps. */
export const DAY_MS = 12_345_678;

export class Explaining implements Contest {
  readonly reached = new Map<string, number>();
  private readonly datapath: Explained;
  private frames = 0;
  private configuration: Configuration = EMPTY_CONFIGURATION;

  constructor(datapath: Explained) {
    this.datapath = datapath;
  }

  run(step: Step): void {
    if (step.do === 'edit') this.edit(step.edit);
    else if (step.do === 'frame') this.handle(frameOf(step.frame).bytes);
    else if (step.do === 'raw') this.handle(Uint8Array.from(Buffer.from(step.frame, 'hex')));
    else if (step.do === 'wait') this.datapath.wait(step.ticks);
    else if (step.do === 'next-hop') this.datapath.setNextHop(step.address, step.mac);
  }

  private edit(edit: Edit): void {
    try {
      this.configuration = applyEdit(this.configuration, edit);
    } catch (error) {
      if (error instanceof DirectorError) return;
      throw error;
    }
    this.datapath.edit(edit);
  }

  private handle(frame: Uint8Array): void {
    const { datapath } = this;
    if (frame.length < datapath.limits.min || frame.length > datapath.limits.max) return;
    // It takes longer than all else.
    const isCompared = this.frames++ % COMPARED === 0;
    const before = isCompared ? datapath.fingerprint() : '';
    const { verdict, sent, server, steps, candidates, notes } = withDate(() =>
      explain(JSON.parse(JSON.stringify(datapath.excerptFor(frame))), frame, KNOWLEDGE),
    );
    if (isCompared) agree('the state before and after explaining', before, datapath.fingerprint());
    const got = withDate(() => datapath.handle(frame));
    this.reached.set(got.verdict, (this.reached.get(got.verdict) ?? 0) + 1);
    agree('the verdict', verdict, got.verdict);
    // Fragments that have waited for this one follow it: the explanation does not look at them.
    agree(
      'what was sent',
      sent.map(({ frame: bytes }) => bytes).join('\n'),
      got.sent.slice(0, sent.length).map(toHex).join('\n'),
    );
    if (got.server !== undefined) agree('the server', server?.address ?? 'none', got.server);
    const words = JSON.stringify([steps, notes]);
    agree('words', String(/undefined|NaN|\[object/.test(words)), 'false');
    const chosen = candidates.find((each) => each.chosen)?.server.address;
    if (chosen !== undefined && server !== null) agree('who is marked as chosen', chosen, server.address);
  }
}

export function withDate<T>(act: () => T): T {
  const { now } = Date;
  Date.now = () => DAY_MS;
  try {
    return act();
  } finally {
    Date.now = now;
  }
}

function agree(what: string, explained: string, found: string): void {
  if (explained !== found)
    throw new Disagreement(`${what}:\n  explained: ${explained}\n  found:     ${found}`);
}
