/** `director history`: what has happened, a line for each event; with --follow also what happens from now on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import type { HistoryEntry, HistoryKind } from '../../control/protocol.ts';
import { asking } from './asking.ts';

const DEFAULT_LIMIT = 50;
const FOLLOW_INTERVAL_MS = 1000;

interface Options {
  readonly limit: number;
  readonly follow?: boolean;
  readonly json?: boolean;
}

export function addHistoryCommand(program: Command): void {
  program
    .command('history')
    .description(
      'show what has happened since the daemon began: servers down and up and why, drains, changes, warnings',
    )
    .option('-n, --limit <n>', 'so many of the newest events, of at most 10000', count, DEFAULT_LIMIT)
    .option('-f, --follow', 'go on with those that come, until Ctrl-C')
    .option('--json', 'one JSON object a line')
    .action(({ limit, follow = false, json = false }: Options, command: Command) =>
      asking(command, async (client) => {
        const print = (entries: readonly HistoryEntry[]) => {
          for (const entry of entries) console.log(json ? JSON.stringify(entry) : renderEntry(entry));
        };
        let { entries } = await client.readHistory({ limit });
        print(entries);
        for (let last = 0; follow; ) {
          last = entries.at(-1)?.sequence ?? last;
          await sleep(FOLLOW_INTERVAL_MS);
          ({ entries } = await client.readHistory({ after: last }));
          print(entries);
        }
      }),
    );
}

const COLOURS: Readonly<Partial<Record<HistoryKind, (text: string) => string>>> = {
  'server-down': pc.red,
  'server-up': pc.green,
  drained: pc.yellow,
  warning: pc.yellow,
};

/** As long as the longest kind. */
const KIND_WIDTH = 'configuration'.length;

/** The sentence names service, server and cause. */
export function renderEntry({ timeMs, kind, message }: HistoryEntry): string {
  const colour = COLOURS[kind] ?? String;
  return `${localTime(timeMs)}  ${colour(kind.padEnd(KIND_WIDTH))}  ${message}`;
}

/** `2026-11-26 13:05:00`: the Swedish way is that of ISO 8601. */
const localTime = (timeMs: number): string => new Date(timeMs).toLocaleString('sv-SE');

function count(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1 && value <= 10_000) return value;
  throw new InvalidArgumentError('expected a whole number, 1 to 10000.');
}
