/** A log whose lines of events are kept in the history, too: what happened is said once, for both. */
import { parseEndpoint } from '../control/endpoint.ts';
import type { HistoryKind } from '../control/protocol.ts';
import type { Log } from '../log.ts';
import type { History, Subject } from './history.ts';

/** Fields of a line that is an event. */
export interface EventFields {
  readonly event: HistoryKind;
  /** serviceKey() */
  readonly service?: string;
  /** endpointText() */
  readonly server?: string;
}

export function recordEvents(log: Log, history: History): Log {
  const recording =
    (level: keyof Log) =>
    (fields: object, message: string): void => {
      log[level](fields, message);
      if ('event' in fields) noteEvent(history, fields as EventFields, message);
    };
  return { info: recording('info'), warn: recording('warn'), error: recording('error') };
}

function noteEvent(history: History, { event, service, server }: EventFields, message: string): void {
  const endpoint = server === undefined ? undefined : parseEndpoint(server);
  const subject: Subject = {
    ...(service === undefined ? {} : { service }),
    ...(endpoint === undefined ? {} : { server: { address: endpoint.address, port: endpoint.port ?? 0 } }),
  };
  history.note(event, message, subject);
}
