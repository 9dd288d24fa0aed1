/** How a service or a server is, in one word, with a tone for its colour and a sign for those who see none. */
import type { OverviewReply, ServerOverview, ServiceOverview } from '../../control/protocol.ts';

export type Tone = 'good' | 'warn' | 'bad' | 'idle';

export interface Condition {
  readonly tone: Tone;
  readonly word: string;
}

export const SIGN_OF: Readonly<Record<Tone, string>> = { good: '●', warn: '▲', bad: '✕', idle: '○' };

/** From what is worst to what is well; also the order in which services are sorted by state. */
const SEVERITY: Readonly<Record<Tone, number>> = { bad: 0, warn: 1, idle: 2, good: 3 };
export const severityOf = ({ tone }: Condition): number => SEVERITY[tone];

export function serviceCondition({ servers, down, drained }: ServiceOverview): Condition {
  if (servers === 0) return { tone: 'warn', word: 'no servers' };
  if (down >= servers) return { tone: 'bad', word: 'down' };
  if (down > 0) return { tone: 'warn', word: `${down} down` };
  if (drained >= servers) return { tone: 'warn', word: 'drained' };
  return { tone: 'good', word: 'up' };
}

/** Servers that take new connections; one may be down and drained at once. */
export const serversUp = ({ servers, down, drained }: ServiceOverview): number =>
  Math.max(0, servers - down - drained);

export function serverCondition(server: ServerOverview): Condition {
  if (server.state === 'down') return { tone: 'bad', word: 'down' };
  if (server.drained) return { tone: 'idle', word: 'drained' };
  if (server.weight === 0) return { tone: 'idle', word: 'quiesced' };
  if (server.weightInForce < server.weight) return { tone: 'warn', word: 'slow start' };
  return server.state === 'up' ? { tone: 'good', word: 'up' } : { tone: 'idle', word: 'not checked' };
}

export const interfaceCondition = ({ up }: OverviewReply['interface']): Condition =>
  up ? { tone: 'good', word: 'up' } : { tone: 'bad', word: 'down' };

export const datapathCondition = ({ state }: OverviewReply['datapath']): Condition => ({
  tone: state === 'running' ? 'good' : 'bad',
  word: state,
});
