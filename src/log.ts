/** Logs: JSON lines on standard output, for journald. One line for each thing that happened to the service. */
import { once } from 'node:events';
import { pino } from 'pino';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** The one that writes. */
export interface OwnLog extends Log {
  /** Of what was logged just now: resolves when it is written. */
  written(): Promise<void>;
}

const WRITTEN_WITHIN_MS = 1000;

export function createLog(): OwnLog {
  const destination = pino.destination({ fd: 1, sync: false });
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  const written = () =>
    once(destination, 'drain', { signal: AbortSignal.timeout(WRITTEN_WITHIN_MS) }).then(
      () => {},
      () => {}, // nobody takes it
    );
  return {
    info: (fields, message) => log.info(fields, message),
    warn: (fields, message) => log.warn(fields, message),
    error: (fields, message) => log.error(fields, message),
    written,
  };
}
