/** What `?` shows. */
import { type Line, piece } from './line.ts';

const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ['Up Down PgUp PgDn', 'move; also j k, and g G for the first and the last'],
  ['Enter', 'show the servers of this service'],
  ['Esc', 'back'],
  ['d  u', 'drain this server (no new connections), undrain it'],
  ['D  U', 'the same in all services'],
  ['/', 'show only what has this text in it'],
  ['s  S', 'sort by the next or the previous column'],
  ['r', 'the other way round'],
  ['v', 'frames by verdict: drops by reason'],
  ['q', 'quit'],
];

const WORDS: readonly string[] = [
  'CONN/S PKT/S BYTE/S are averages of some seconds, as diradm -L --rate has them.',
  'CONNS PACKETS BYTES are counted since the start. INACT: of connections that end.',
];

export const helpLines = (): Line[] => [
  [piece('Keys', 'bold')],
  ...KEYS.map(([keys, does]) => [piece(`  ${keys.padEnd(18)}`, 'bold'), piece(does)]),
  [],
  ...WORDS.map((text) => [piece(text, 'dim')]),
];
