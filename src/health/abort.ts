/**
 * Many checks wait for one signal. AbortSignal searches its listeners at each addition and removal, and warns of
 * more than ten: so it gets one, with a set behind it, for as long as there are checks.
 */
interface Waiting {
  readonly listeners: Set<() => void>;
  readonly callAll: () => void;
}

const waitingFor = new WeakMap<AbortSignal, Waiting>();

/** Calls `listener` when the signal is aborted, not when it is already. The result forgets the listener. */
export function onAbort(signal: AbortSignal, listener: () => void): () => void {
  const { listeners, callAll } = waitingFor.get(signal) ?? beginWaiting(signal);
  listeners.add(listener);
  return () => {
    if (!listeners.delete(listener) || listeners.size > 0) return;
    waitingFor.delete(signal);
    signal.removeEventListener('abort', callAll);
  };
}

function beginWaiting(signal: AbortSignal): Waiting {
  const listeners = new Set<() => void>();
  const callAll = () => {
    for (const listener of listeners) listener();
  };
  const waiting = { listeners, callAll };
  waitingFor.set(signal, waiting);
  signal.addEventListener('abort', callAll);
  return waiting;
}
