/** Runs `director top`: asks the daemon again and again, hands what happens to step(), does what that wants done. */
import type { DirectorClient } from '../../../control/client.ts';
import type { DrainRequest } from '../../../control/protocol.ts';
import { DirectorError } from '../../../errors.ts';
import { openScreen, type Terminal } from './screen.ts';
import { type Effect, type Event, initialState, type Size, type State } from './state.ts';
import { step } from './step.ts';

const TICK_MS = 1000;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Until q or a signal. The first answer must come; later ones may fail to. */
export async function runTop(client: DirectorClient, intervalMs: number, terminal: Terminal): Promise<void> {
  const { stdout } = terminal;
  const overview = await client.readOverview();
  let state = initialState(overview, sizeOf(stdout), Date.now());
  let end = (): void => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const screen = openScreen(terminal, state, (key) => take({ kind: 'key', key }));
  const asker = createAsker(client, intervalMs, () => state, take);

  function take(event: Event): void {
    const next = step(state, event);
    state = next.state;
    screen.show(state);
    for (const effect of next.effects) perform(effect);
  }

  function perform(effect: Effect): void {
    if (effect.kind === 'quit') end();
    else if (effect.kind === 'ask') asker.askNow();
    else void drain(effect.request, effect.text);
  }

  async function drain(request: DrainRequest, text: string): Promise<void> {
    try {
      await client.drain(request);
      take({ kind: 'done', text, isError: false });
    } catch (error) {
      take({ kind: 'done', text: (error as Error).message, isError: true });
    }
  }

  const onResize = (): void => take({ kind: 'resize', size: sizeOf(stdout) });
  const tick = setInterval(() => take({ kind: 'tick', nowMs: Date.now() }), TICK_MS);
  stdout.on('resize', onResize);
  for (const signal of SIGNALS) process.on(signal, end);
  process.on('exit', screen.close);
  process.on('uncaughtExceptionMonitor', screen.close); // before its message is printed
  try {
    await Promise.race([ended, screen.closed]);
  } finally {
    asker.stop();
    clearInterval(tick);
    stdout.off('resize', onResize);
    for (const signal of SIGNALS) process.off(signal, end);
    process.off('exit', screen.close);
    process.off('uncaughtExceptionMonitor', screen.close);
    screen.close();
  }
}

const sizeOf = ({ columns, rows }: NodeJS.WriteStream): Size => ({
  columns: columns || 80,
  rows: rows || 24,
});

/** One question at a time. An answer for another service than the one that is shown by now is not looked at. */
function createAsker(
  client: DirectorClient,
  intervalMs: number,
  current: () => State,
  take: (event: Event) => void,
) {
  let timer = setTimeout(ask, intervalMs);
  let isAsking = false;
  let isUrgent = false;
  let isStopped = false;

  async function ask(): Promise<void> {
    clearTimeout(timer);
    isAsking = true;
    const { service } = current();
    const event = await answer(client, service);
    isAsking = false;
    if (isStopped) return;
    if (service === current().service) take(event);
    timer = setTimeout(ask, isUrgent ? 0 : intervalMs);
    isUrgent = false;
  }

  return {
    askNow(): void {
      if (isAsking) isUrgent = true;
      else void ask();
    },
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

async function answer(client: DirectorClient, service: string | null): Promise<Event> {
  try {
    const overview = await client.readOverview(service ?? undefined);
    return { kind: 'answer', overview, nowMs: Date.now() };
  } catch (error) {
    if (!(error instanceof DirectorError)) throw error;
    if (error.code === 'SERVICE_NOT_FOUND' && service !== null) return { kind: 'service-gone', service };
    return { kind: 'no-answer', reason: error.message, nowMs: Date.now() };
  }
}
