/** What has happened, as the daemon tells it, over its restarts. */
import type { HistoryEntry, HistoryKind } from '../../control/protocol.ts';
import type { Tone } from './condition.ts';

/** What came from one life of the daemon; another one counts from 1 again. */
export interface PastEntry extends HistoryEntry {
  /** Of the daemon's start, ms since 1970. */
  readonly life: number;
}

export const HISTORY_KEPT = 2000;

export const KIND_WORDS: Readonly<Record<HistoryKind, { readonly tone: Tone; readonly word: string }>> = {
  'server-up': { tone: 'good', word: 'server up' },
  'server-down': { tone: 'bad', word: 'server down' },
  drained: { tone: 'idle', word: 'drained' },
  undrained: { tone: 'good', word: 'undrained' },
  configuration: { tone: 'idle', word: 'configuration' },
  datapath: { tone: 'warn', word: 'datapath' },
  interface: { tone: 'warn', word: 'interface' },
  warning: { tone: 'warn', word: 'warning' },
};

/**
 * Newest first. An entry that is there already (a stream that began anew) changes nothing: those of a life come in their
 * order, so that the newest one tells.
 */
export function addEntry(entries: readonly PastEntry[], entry: PastEntry): readonly PastEntry[] {
  const newest = entries.find(({ life }) => life === entry.life);
  if (newest !== undefined && entry.sequence <= newest.sequence) return entries;
  return [entry, ...entries.slice(0, HISTORY_KEPT - 1)];
}

export function filterHistory(entries: readonly PastEntry[], filter: string): readonly PastEntry[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return entries;
  return entries.filter(({ kind, service, server, message }) => {
    const text =
      `${KIND_WORDS[kind].word} ${service ?? ''} ${server?.address ?? ''} ${message}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

/** Worth a word aloud: what changes who gets connections. */
export const isAnnounced = ({ kind }: HistoryEntry): boolean => kind !== 'configuration';
