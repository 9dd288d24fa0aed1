/** Logs: JSON lines on standard output, for journald. One line for each thing that happened to the service. */
import { pino } from 'pino';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export const createLog = (): Log => pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime });
