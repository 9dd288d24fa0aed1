/**
 * A capture through the packet path: what each frame of it would have met, by one choice of schedulers or by several at
 * once. Memory is bounded by the batches of the reader; only the first frames wait, until it is known whose capture it is.
 */
import type { CapturedFrame } from '../capture-file/captured-frame.ts';
import type { Capture } from '../capture-file/read-capture.ts';
import type { Verdict } from '../datapath/verdict.ts';
import type { Configuration } from '../service/configuration.ts';
import { CaptureClock } from './capture-clock.ts';
import { nextHopsOf, type OfflineServer } from './next-hops.ts';
import { OfflinePath } from './offline-path.ts';
import { OwnMacSearch } from './own-mac.ts';
import type { ReplayReport } from './report.ts';
import { Run } from './run.ts';

const NO_MAC = '00:00:00:00:00:00';

export interface Replay {
  readonly capture: Capture;
  readonly configuration: Configuration;
  /** A run for each: null, or the name of a scheduler for all services. */
  readonly schedulers: readonly { readonly name: string | null; readonly configuration: Configuration }[];
  /** Undefined: found in the capture. */
  readonly as: string | undefined;
  readonly servers: readonly OfflineServer[];
  readonly connectionTableSize: number;
  readonly keepsHistory: boolean;
  /** Told of the first run. */
  readonly watcher?: Watcher;
}

export interface Watcher {
  /** Before handled(): what goes on the wire, until the call returns. `capturedBytes`: the rest was not captured, and is 0. */
  sent?(frame: Uint8Array, capturedBytes: number, captured: CapturedFrame): void;
  /** `number` counts from 1. */
  handled?(
    number: number,
    captured: CapturedFrame,
    verdict: Verdict,
    path: OfflinePath['path'],
    elapsedMs: number,
  ): void;
  /** After some frames: the next ones wait for it. */
  settle?(): Promise<void>;
}

export type ReplayResult = Omit<ReplayReport, 'capture' | 'rules'>;

export async function replay(options: Replay): Promise<ReplayResult> {
  const replaying = new Replaying(options);
  for await (const batch of options.capture.batches()) {
    replaying.take(batch);
    await options.watcher?.settle?.();
  }
  return replaying.finish();
}

class Replaying {
  private readonly options: Replay;
  private readonly clock = new CaptureClock();
  private readonly search: OwnMacSearch | undefined;
  /** That came before it was known whose capture it is. */
  private waiting: CapturedFrame[] = [];
  private runs: readonly Run[] = [];
  private frames = 0;
  private bytes = 0;
  private cutFrames = 0;
  private startSec: number | null = null;
  private current: CapturedFrame | undefined;

  constructor(options: Replay) {
    this.options = options;
    if (options.as === undefined) this.search = new OwnMacSearch(servicesOf(options));
    else this.begin(options.as);
  }

  take(batch: readonly CapturedFrame[]): void {
    for (const frame of batch) {
      if (this.runs.length > 0) {
        this.handle(frame);
        continue;
      }
      this.search!.look(frame);
      this.waiting.push({ ...frame, data: Uint8Array.from(frame.data) });
      if (this.search!.isDone) this.beginWithFound();
    }
  }

  finish(): ReplayResult {
    if (this.runs.length === 0) this.beginWithFound();
    const { clock, frames, bytes, startSec } = this;
    const { as, servers } = this.options;
    const found = this.search?.found;
    return {
      frames,
      bytes,
      startSec,
      durationSec: clock.elapsedMs / 1000,
      ownMac: as === undefined ? (found ?? null) : { mac: as, frames: null },
      servers,
      warnings: this.warnings(),
      runs: this.runs.map((run) => run.report()),
    };
  }

  private beginWithFound(): void {
    this.begin(this.search!.found?.mac ?? NO_MAC);
    for (const frame of this.waiting) this.handle(frame);
    this.waiting = [];
  }

  private begin(ownMac: string): void {
    const { schedulers, servers, connectionTableSize, keepsHistory, watcher } = this.options;
    const nextHops = nextHopsOf(servers);
    this.runs = schedulers.map(({ name, configuration }, index) => {
      const isWatched = index === 0 && watcher?.sent !== undefined;
      return new Run({
        scheduler: name,
        configuration,
        ownMac,
        nextHops,
        connectionTableSize,
        keepsHistory,
        ...(isWatched
          ? { onSent: (frame: Uint8Array, captured: number) => watcher.sent!(frame, captured, this.current!) }
          : {}),
      });
    });
  }

  private handle(frame: CapturedFrame): void {
    const { clock, runs, options } = this;
    this.frames++;
    this.bytes += frame.data.length;
    if (frame.originalLength > frame.data.length) this.cutFrames++;
    this.startSec ??= frame.seconds;
    this.current = frame;
    clock.follow(frame);
    const { elapsedMs } = clock;
    const [first] = runs;
    const verdict = first!.handle(frame, elapsedMs);
    options.watcher?.handled?.(this.frames, frame, verdict, first!.offline.path, elapsedMs);
    for (let index = 1; index < runs.length; index++) runs[index]!.handle(frame, elapsedMs);
  }

  private warnings(): string[] {
    const { clock, frames, cutFrames, options, search } = this;
    const problems = options.capture.problems.map((problem) => `the capture: ${problem}`);
    if (frames === 0) problems.push('the capture has no frame');
    else if (search !== undefined && search.found === undefined)
      problems.push(
        "no frame is for a virtual address of the rules, so that it is not known which MAC address is the director's; --as names it",
      );
    if (cutFrames > 0)
      problems.push(
        `${counted(cutFrames, 'frame')} the capture has not whole (tcpdump -s 0 takes whole ones); zeroes stand for the rest`,
      );
    if (clock.stoodStill > 0)
      problems.push(
        `${counted(clock.stoodStill, 'frame')} are older than one before; the clock stood still for them`,
      );
    if (clock.cutGaps > 0)
      problems.push(
        `${counted(clock.cutGaps, 'gap')} between frames of more than 62 days were taken as 62 days`,
      );
    return problems;
  }
}

const counted = (count: number, what: string): string =>
  `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`;

/** The services as the path searches them. */
const servicesOf = ({ configuration }: Replay) =>
  new OfflinePath({ configuration, ownMac: NO_MAC, nextHops: [], connectionTableSize: 1 }).path.services;
