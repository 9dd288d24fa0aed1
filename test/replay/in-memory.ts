/** Replays of frames in memory. */
import type { CapturedFrame } from '../../src/capture-file/captured-frame.ts';
import type { Capture } from '../../src/capture-file/read-capture.ts';
import { editsOfRules } from '../../src/cli/diradm/rules.ts';
import { verdictNames } from '../../src/datapath/verdict.ts';
import { offlineServers } from '../../src/replay/next-hops.ts';
import { type Replay, type ReplayResult, replay } from '../../src/replay/replay.ts';
import { applyEdit, type Configuration, EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';

export async function configurationOf(...rules: string[]): Promise<Configuration> {
  const edits = await editsOfRules(rules.join('\n'), 'test');
  return edits.reduce((configuration, { edit }) => applyEdit(configuration, edit), EMPTY_CONFIGURATION);
}

export const frameAt = (ms: number, data: Uint8Array, originalLength = data.length): CapturedFrame => ({
  seconds: 1_700_000_000 + Math.floor(ms / 1000),
  nanoseconds: Math.round((ms - Math.floor(ms / 1000) * 1000) * 1e6),
  data,
  originalLength,
  interface: 0,
});

export const captureOf = (frames: readonly CapturedFrame[], batchSize = 7): Capture => ({
  problems: [],
  async *batches() {
    for (let at = 0; at < frames.length; at += batchSize) yield frames.slice(at, at + batchSize);
  },
});

export interface Replayed {
  readonly result: ReplayResult;
  readonly verdicts: string[];
  /** As they would have left, and how much of each was captured. */
  readonly sent: { readonly frame: Uint8Array; readonly capturedBytes: number; readonly at: CapturedFrame }[];
}

export async function replayed(
  frames: readonly CapturedFrame[],
  configuration: Configuration,
  options: Partial<Replay> = {},
): Promise<Replayed> {
  const verdicts: string[] = [];
  const sent: Replayed['sent'] = [];
  const result = await replay({
    capture: captureOf(frames),
    configuration,
    schedulers: [{ name: null, configuration }],
    as: undefined,
    servers: offlineServers(configuration, new Map()),
    connectionTableSize: 4096,
    keepsHistory: false,
    watcher: {
      sent: (frame, capturedBytes, at) => sent.push({ frame: Uint8Array.from(frame), capturedBytes, at }),
      handled: (_number, _captured, verdict) => verdicts.push(verdictNames.get(verdict)!),
    },
    ...options,
  });
  return { result, verdicts, sent };
}
