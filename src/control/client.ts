/** The director as its command-line tools see it: typed calls over the control socket (protocol.ts). */
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Readable } from 'node:stream';
import { DirectorError, ERROR_CODES, type ErrorCode } from '../errors.ts';
import type { Edit } from '../service/model.ts';
import { renderEndpoint } from './endpoint.ts';
import {
  type ApplyRequest,
  CAPTURE_ID_HEADER,
  type CaptureRequest,
  type CheckRequest,
  type ConnectionFilter,
  type ConnectionListing,
  type ConnectionsReply,
  DEFAULT_SOCKET_PATH,
  type DrainReply,
  type DrainRequest,
  type EditsReply,
  type EditsRequest,
  type EndedReply,
  type ExplainReply,
  type ExplainRequest,
  type HealthReply,
  type HistoryReply,
  type MarksReply,
  type OverviewReply,
  type PlanReply,
  type PlanRequest,
  type ServicesReply,
  type SettingsReply,
  SOCKET_PATH_VARIABLE,
  type StatusReply,
  type StopRequest,
  type SummaryReply,
} from './protocol.ts';

const DEFAULT_TIMEOUT_MS = 30_000;
const CONNECTIONS_PER_PAGE = 10_000;

export interface DirectorClient {
  /** One result for each edit, in order. */
  applyEdits(edits: readonly Edit[]): Promise<EditsReply['results']>;
  listServices(): Promise<ServicesReply>;
  /** Page by page, at least one. */
  listConnections(filter?: ConnectionFilter): AsyncIterable<readonly ConnectionListing[]>;
  /** Ends those that the filter is for; how many. */
  endConnections(filter: ConnectionFilter): Promise<number>;
  readStatus(): Promise<StatusReply>;
  /** What people can read of it, and of services and servers. */
  readSummary(): Promise<SummaryReply>;
  readHealth(): Promise<HealthReply>;
  /** `service`: the one whose servers are told of, by its key. */
  readOverview(service?: string): Promise<OverviewReply>;
  /** At most `limit` of those after the number `after`; without it the newest. */
  readHistory(query: { readonly after?: number; readonly limit?: number }): Promise<HistoryReply>;
  setCheck(request: CheckRequest): Promise<void>;
  /** The servers that it was for. */
  drain(request: DrainRequest): Promise<DrainReply['servers']>;
  /** What the path would do with this packet now. */
  explain(request: ExplainRequest): Promise<ExplainReply>;
  readSettings(): Promise<SettingsReply>;
  readMarks(): Promise<MarksReply>;
  /** What a file would change. */
  plan(file: PlanRequest): Promise<PlanReply>;
  /** Carries out the plan of this token. */
  apply(token: string): Promise<void>;
  /** Begins a capture. */
  capture(request: CaptureRequest): Promise<CaptureStream>;
  /** Ends it; its file ends soon after. */
  endCapture(id: number): Promise<void>;
  reload(): Promise<void>;
  /** `keepForwarding`: the datapath goes on without the daemon. */
  stop(keepForwarding?: boolean): Promise<void>;
  /** Resolves when the daemon has begun to end; it answers again when it has begun anew. */
  restart(): Promise<void>;
  /** Lets the process end: the connection is kept open between calls. */
  close(): void;
}

export interface CaptureStream {
  readonly id: number;
  /** A pcapng file as it grows. Whoever destroys it ends the capture. */
  readonly file: Readable;
}

export interface ClientOptions {
  readonly socketPath?: string;
  /** How long an answer may take to begin or to go on. */
  readonly timeoutMs?: number;
}

export function socketPathFrom(env: NodeJS.ProcessEnv): string {
  return env[SOCKET_PATH_VARIABLE] || DEFAULT_SOCKET_PATH;
}

/** Every call throws a DirectorError: the daemon's own, or DAEMON_UNREACHABLE, NEED_ROOT, DAEMON_REPLY. */
export function createClient(options: ClientOptions = {}): DirectorClient {
  const { socketPath = socketPathFrom(process.env), timeoutMs = DEFAULT_TIMEOUT_MS } = options;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const connection = { socketPath, timeoutMs, agent, isClosed: false };
  return {
    async applyEdits(edits) {
      const body: EditsRequest = { edits };
      const { results } = await call<EditsReply>(connection, 'POST', '/v1/edits', body);
      if (!Array.isArray(results) || results.length !== edits.length) {
        throw unexpectedReply(connection, `${edits.length} edits did not get as many results`);
      }
      return results;
    },
    listServices: () => call<ServicesReply>(connection, 'GET', '/v1/services'),
    async *listConnections(filter = {}) {
      for (let cursor: number | null = 0; cursor !== null; ) {
        const query = queryOf(filter, { cursor: `${cursor}`, limit: `${CONNECTIONS_PER_PAGE}` });
        const path = `/v1/connections?${query}`;
        const reply: ConnectionsReply = await call<ConnectionsReply>(connection, 'GET', path);
        yield reply.connections;
        cursor = reply.nextCursor;
      }
    },
    async endConnections(filter) {
      const path = `/v1/connections?${queryOf(filter)}`;
      return (await call<EndedReply>(connection, 'DELETE', path)).ended;
    },
    readStatus: () => call<StatusReply>(connection, 'GET', '/v1/status'),
    readSummary: () => call<SummaryReply>(connection, 'GET', '/v1/summary'),
    readHealth: () => call<HealthReply>(connection, 'GET', '/v1/health'),
    readOverview: (service) => {
      const query = service === undefined ? '' : `?${new URLSearchParams({ service })}`;
      return call<OverviewReply>(connection, 'GET', `/v1/overview${query}`);
    },
    readHistory: (query) => {
      const words = Object.entries(query).map(([name, value]) => [name, `${value}`] as [string, string]);
      return call<HistoryReply>(connection, 'GET', `/v1/history?${new URLSearchParams(words)}`);
    },
    setCheck: async (body) => void (await call(connection, 'POST', '/v1/checks', body)),
    drain: async (body) => (await call<DrainReply>(connection, 'POST', '/v1/drains', body)).servers,
    explain: (request) => call<ExplainReply>(connection, 'POST', '/v1/explain', request),
    readSettings: () => call<SettingsReply>(connection, 'GET', '/v1/settings'),
    readMarks: () => call<MarksReply>(connection, 'GET', '/v1/marks'),
    plan: (file) => call<PlanReply>(connection, 'POST', '/v1/plans', file),
    async apply(token) {
      const body: ApplyRequest = { token };
      await call(connection, 'POST', '/v1/apply', body);
    },
    capture: (request) => beginCapture(connection, request),
    endCapture: async (id) => void (await call(connection, 'DELETE', `/v1/capture?id=${id}`)),
    reload: async () => void (await call(connection, 'POST', '/v1/reload')),
    async stop(keepForwarding = false) {
      const body: StopRequest = { keepForwarding };
      await call(connection, 'POST', '/v1/stop', body);
    },
    restart: async () => void (await call(connection, 'POST', '/v1/restart')),
    close() {
      connection.isClosed = true;
      agent.destroy();
    },
  };
}

function queryOf(filter: ConnectionFilter, others: Record<string, string> = {}): URLSearchParams {
  const query = new URLSearchParams(others);
  for (const [name, endpoint] of Object.entries(filter)) query.set(name, renderEndpoint(endpoint));
  return query;
}

/** On a connection of its own, on which nothing may come for long. */
async function beginCapture(
  { socketPath, timeoutMs }: Connection,
  { verdict, count, seconds, snaplen, ...filter }: CaptureRequest,
): Promise<CaptureStream> {
  const query = queryOf(filter, {
    snaplen: `${snaplen}`,
    ...(verdict === undefined ? {} : { verdict: verdict.join(',') }),
    ...(count === undefined ? {} : { count: `${count}` }),
    ...(seconds === undefined ? {} : { seconds: `${seconds}` }),
  });
  const agent = new Agent({ maxSockets: 1 });
  const alone: Connection = { socketPath, timeoutMs, agent, isClosed: false };
  const path = `/v1/capture?${query}`;
  const outgoing = request({ socketPath, agent, method: 'GET', path });
  const file = await beginningOf(outgoing, undefined).catch((error) => {
    throw connectionError(error, socketPath);
  });
  if (file.statusCode === 200) return { id: Number(file.headers[CAPTURE_ID_HEADER]), file };
  throw daemonError(alone, file.statusCode ?? 0, JSON.parse(await textOf(file)) as object);
}

interface Connection {
  readonly socketPath: string;
  readonly timeoutMs: number;
  readonly agent: Agent;
  isClosed: boolean;
}

async function call<Reply>(
  connection: Connection,
  method: string,
  path: string,
  body?: unknown,
): Promise<Reply> {
  const { statusCode, text } = await exchange(connection, method, path, body);
  let reply: unknown;
  try {
    reply = JSON.parse(text);
  } catch (cause) {
    throw unexpectedReply(connection, `${method} ${path} got something that is not JSON`, cause);
  }
  if (typeof reply !== 'object' || reply === null) {
    throw unexpectedReply(connection, `${method} ${path} got no object`);
  }
  if (statusCode >= 200 && statusCode < 300) return reply as Reply;
  throw daemonError(connection, statusCode, reply);
}

function daemonError(connection: Connection, statusCode: number, reply: object): DirectorError {
  const { code, message } = ('error' in reply ? (reply.error ?? {}) : {}) as Record<string, unknown>;
  if (typeof code === 'string' && Object.hasOwn(ERROR_CODES, code) && typeof message === 'string') {
    return new DirectorError(code as ErrorCode, message);
  }
  return unexpectedReply(connection, `status ${statusCode} came without an error code`);
}

const unexpectedReply = ({ socketPath }: Connection, what: string, cause?: unknown): DirectorError =>
  new DirectorError(
    'DAEMON_REPLY',
    `${what}; is it a director of this version that answers on ${socketPath}?`,
    { socketPath },
    cause,
  );

interface Answer {
  readonly statusCode: number;
  readonly text: string;
}

async function exchange(
  connection: Connection,
  method: string,
  path: string,
  body: unknown,
  isRetry = false,
): Promise<Answer> {
  const { socketPath, timeoutMs, agent } = connection;
  const outgoing = request({ socketPath, agent, method, path, timeout: timeoutMs });
  if (body !== undefined) outgoing.setHeader('content-type', 'application/json');
  try {
    return await answerTo(outgoing, body, timeoutMs);
  } catch (error) {
    // The daemon closes connections that were idle for long; what it had closed before, it has not read.
    const { code } = error as NodeJS.ErrnoException;
    const wasClosed = outgoing.reusedSocket && (code === 'ECONNRESET' || code === 'EPIPE');
    if (wasClosed && !isRetry && !connection.isClosed) return exchange(connection, method, path, body, true);
    throw connectionError(error, socketPath);
  }
}

async function answerTo(outgoing: ClientRequest, body: unknown, timeoutMs: number): Promise<Answer> {
  outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)));
  const incoming = await beginningOf(outgoing, body);
  return { statusCode: incoming.statusCode ?? 0, text: await textOf(incoming) };
}

const beginningOf = (outgoing: ClientRequest, body: unknown): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    outgoing.on('response', resolve);
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  });

async function textOf(incoming: IncomingMessage): Promise<string> {
  incoming.setEncoding('utf8');
  let text = '';
  for await (const chunk of incoming) text += chunk;
  return text;
}

function connectionError(error: unknown, socketPath: string): DirectorError {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return new DirectorError(
      'NEED_ROOT',
      `Permission denied (you must be root) on ${socketPath}`,
      { socketPath },
      error,
    );
  }
  const reasons: Record<string, string> = {
    ENOENT: 'there is no such socket',
    ECONNREFUSED: 'nothing listens there',
  };
  const reason = reasons[code ?? ''] ?? message;
  const text = `no director answers on ${socketPath} (${reason})`;
  return new DirectorError('DAEMON_UNREACHABLE', text, { socketPath }, error);
}
