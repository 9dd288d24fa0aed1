/** What no frame needs but the next daemon does, as JSON in a map of its own: struct notes of native/bpf/layout.h. */
import type { ConnectionTimeouts, SyncDaemon } from '../service/model.ts';
import type { Settings } from '../service/settings.ts';
import { NOTE, NOTE_BYTES, NOTES } from './layout.ts';

export interface Notes {
  readonly timeouts: ConnectionTimeouts;
  readonly settings: Settings;
  readonly syncDaemons: readonly SyncDaemon[];
}

const OFFSETS = [NOTES.at.note0, NOTES.at.note1] as const;

/** The part that is not in force is written, and then is in force. */
export function writeNotes(memory: Uint8Array, { timeouts, settings, syncDaemons }: Notes): void {
  const text = Buffer.from(JSON.stringify({ timeouts, settings, syncDaemons } satisfies Notes));
  if (text.length > NOTE_BYTES) throw new RangeError(`settings take ${text.length} bytes of ${NOTE_BYTES}`);
  const view = new DataView(memory.buffer, memory.byteOffset);
  const next = view.getUint32(NOTES.at.inForce, true) === 0 ? 1 : 0;
  memory.set(text, OFFSETS[next] + NOTE.at.text);
  view.setUint32(OFFSETS[next] + NOTE.at.length, text.length, true);
  view.setUint32(NOTES.at.inForce, next, true);
}

/** Undefined: nothing was ever written. */
export function readNotes(memory: Uint8Array): Notes | undefined {
  const view = new DataView(memory.buffer, memory.byteOffset);
  const offset = OFFSETS[view.getUint32(NOTES.at.inForce, true) === 0 ? 0 : 1];
  const length = view.getUint32(offset + NOTE.at.length, true);
  if (length === 0) return undefined;
  const start = offset + NOTE.at.text;
  return JSON.parse(Buffer.from(memory.subarray(start, start + length)).toString()) as Notes;
}
