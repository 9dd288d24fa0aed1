/** Frames per second of several peers, in turns: perf/bench.py, and what it wrote. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Summary, summarize } from '../statistics.ts';
import { rig } from './rig.ts';

interface Window {
  readonly peer: string;
  readonly case: string;
  readonly round: number;
  readonly rate: number;
  readonly quiet: boolean;
}

export interface WindowsWanted {
  readonly peers: readonly string[];
  /** KIND:FLOWS. */
  readonly cases: readonly string[];
  readonly rounds: number;
  readonly windowSec: number;
  readonly environment?: Readonly<Record<string, string>>;
}

export class Windows {
  private readonly all: readonly Window[];

  constructor(all: readonly Window[]) {
    this.all = all;
  }

  rates(peer: string, frames: string): Summary {
    return summarize(this.of(peer, frames).map(({ rate }) => rate));
  }

  /** Round by round. */
  ratio(peer: string, reference: string, frames: string): Summary {
    const references = new Map(this.of(reference, frames).map(({ round, rate }) => [round, rate]));
    const both = this.of(peer, frames).filter(({ round }) => references.has(round));
    return summarize(both.map(({ round, rate }) => rate / references.get(round)!));
  }

  /** Windows that others disturbed count only where there are no others. */
  private of(peer: string, frames: string): Window[] {
    const windows = this.all.filter((window) => window.peer === peer && window.case === frames);
    const quiet = windows.filter((window) => window.quiet);
    return quiet.length > 0 ? quiet : windows;
  }
}

export function measureWindows({ peers, cases, rounds, windowSec, environment }: WindowsWanted): Windows {
  const folder = mkdtempSync(join(tmpdir(), 'director-bench-'));
  const file = join(folder, 'windows.json');
  try {
    const windows = ['-n', String(rounds), '-s', String(windowSec), '-t', '4', '--json', file];
    rig('perf/bench.py', ['-p', peers.join(' '), '-c', cases.join(' '), ...windows], environment);
    return new Windows(JSON.parse(readFileSync(file, 'utf8')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
