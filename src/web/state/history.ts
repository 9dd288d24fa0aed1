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

/** Newest first. An entry that is there already (a stream that began anew) changes nothing. */
export function addEntry(entries: readonly PastEntry[], entry: PastEntry): readonly PastEntry[] {
  const isKnown = entries.some(({ life, sequence }) => life === entry.life && sequence === entry.sequence);
  return isKnown ? entries : [entry, ...entries].slice(0, HISTORY_KEPT);
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
