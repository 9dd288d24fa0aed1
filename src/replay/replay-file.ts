/** `director replay`, whole: reads the files, runs the capture, writes and prints what is asked for. */
import { writeFileSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { openCapture, STANDARD_INPUT } from '../capture-file/read-capture.ts';
import { DirectorError } from '../errors.ts';
import { reasonOf } from '../text-file.ts';
import { readConfiguration, withScheduler } from './configuration.ts';
import { renderHtml } from './html/render-html.ts';
import { offlineServers } from './next-hops.ts';
import { PacketLog } from './packet-log.ts';
import { renderSummary } from './render-summary.ts';
import { replay, type Watcher } from './replay.ts';
import type { ReplayReport } from './report.ts';
import { refuseSameFile, SentFile } from './sent-file.ts';

export interface ReplayFileOptions {
  readonly rules?: string;
  readonly config?: string;
  readonly write?: string;
  /** MAC address of the director. */
  readonly as?: string;
  /** By address of the real server. */
  readonly serverMac: ReadonlyMap<string, string>;
  readonly packets?: boolean;
  readonly json?: boolean;
  readonly html?: string;
  /** Names of schedulers. */
  readonly compare?: readonly string[];
  readonly connTableSize: number;
}

export async function replayFile(path: string, options: ReplayFileOptions, output: Writable): Promise<void> {
  const { rules, config, html, json = false } = options;
  const configuration = await readConfiguration(options);
  const schedulers = comparedSchedulers(options.compare ?? []).map((name) => ({
    name,
    configuration: name === null ? configuration : withScheduler(configuration, name),
  }));
  const servers = offlineServers(configuration, options.serverMac);
  for (const [option, target] of [
    ['-w', options.write],
    ['--html', html],
  ] as const)
    if (target !== undefined && path !== STANDARD_INPUT) refuseSameFile(path, target, option);
  const capture = await openCapture(path);
  const log = options.packets === true ? new PacketLog(output, servers, json) : undefined;
  const sent = options.write === undefined ? undefined : await SentFile.create(options.write);
  try {
    const result = await replay({
      capture,
      configuration,
      schedulers,
      as: options.as,
      servers,
      connectionTableSize: options.connTableSize,
      keepsHistory: html !== undefined,
      watcher: watcherOf(log, sent),
    });
    const name = path === STANDARD_INPUT ? 'standard input' : path;
    const report: ReplayReport = { capture: name, rules: rules ?? config ?? '', ...result };
    await sent?.finish();
    if (html !== undefined) writeHtml(html, report);
    await log?.finish();
    if (log === undefined)
      output.write(`${json ? JSON.stringify(report, null, 2) : renderSummary(report)}\n`);
    else for (const warning of report.warnings) console.error(`warning: ${warning}`);
  } catch (error) {
    sent?.discard();
    throw error;
  }
}

/** Null: as configured. One name alone is compared with that. */
const comparedSchedulers = (names: readonly string[]): readonly (string | null)[] =>
  names.length >= 2 ? names : [null, ...names];

function watcherOf(log: PacketLog | undefined, sent: SentFile | undefined): Watcher {
  if (log === undefined && sent === undefined) return {};
  return {
    sent: (frame, capturedBytes, captured) => {
      log?.sent(frame);
      sent?.add(frame, capturedBytes, captured);
    },
    ...(log === undefined ? {} : { handled: log.handled }),
    settle: async () => {
      await log?.settle();
      await sent?.settle();
    },
  };
}

function writeHtml(path: string, report: ReplayReport): void {
  try {
    writeFileSync(path, renderHtml(report));
  } catch (cause) {
    throw new DirectorError('CAPTURE_FILE', `cannot write ${path}: ${reasonOf(cause)}`, { path }, cause);
  }
}
