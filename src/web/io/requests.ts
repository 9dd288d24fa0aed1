/** Single calls to the daemon. docs/CONTROL-API.md. */
import type { ConnectionsReply, DrainRequest, ErrorReply } from '../../control/protocol.ts';
import type { ConnectionSearch } from '../state/route.ts';

/** The daemon said no; the message is its own. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export const UNAUTHORIZED = 401;

export async function postDrain(request: DrainRequest, token: string): Promise<void> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  await call('/v1/drains', { method: 'POST', headers, body: JSON.stringify(request) });
}

export async function readConnections(
  search: ConnectionSearch,
  cursor: number,
  limit: number,
): Promise<ConnectionsReply> {
  const given = Object.entries(search).filter(([, value]) => value !== '');
  const query = new URLSearchParams([
    ['cursor', String(cursor)],
    ['limit', String(limit)],
    ...(given as [string, string][]),
  ]);
  return (await call(`/v1/connections?${query}`)) as ConnectionsReply;
}

async function call(path: string, options: RequestInit = {}): Promise<unknown> {
  const reply = await fetch(path, options).catch(() => {
    throw new Refusal(0, 'the daemon does not answer');
  });
  const body = (await reply.json().catch(() => undefined)) as ErrorReply | undefined;
  if (reply.ok && body !== undefined) return body;
  throw new Refusal(reply.status, body?.error?.message ?? `the daemon answered ${reply.status}`);
}
