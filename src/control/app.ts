/** The control socket's calls as an HTTP application: check, call the daemon, answer. docs/CONTROL-API.md. */
import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { z } from 'zod';
import { DirectorError, type ErrorCode } from '../errors.ts';
import type { DirectorApi } from './api.ts';
import { CAPTURE_ID_HEADER, type ErrorReply } from './protocol.ts';
import {
  applyRequest,
  captureId,
  captureQuery,
  checkRequest,
  connectionsQuery,
  drainRequest,
  editsRequest,
  endQuery,
  explainRequest,
  historyQuery,
  overviewQuery,
  planRequest,
  stopRequest,
  streamQuery,
} from './schema.ts';
import { streamEvents } from './stream.ts';

/** The text format of Prometheus. */
const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const MAX_BODY_BYTES = 16 * 1024 * 1024;

export function createControlApp(api: DirectorApi): Hono {
  const app = new Hono();
  app.use(
    bodyLimit({ maxSize: MAX_BODY_BYTES, onError: (c) => c.json(errorReply('BAD_REQUEST', tooLarge), 413) }),
  );
  app.get('/v1/status', async (c) => c.json(await api.status()));
  app.get('/v1/summary', async (c) => c.json(await api.summary()));
  app.get('/v1/services', async (c) => c.json(await api.services()));
  app.get('/v1/connections', async (c) => {
    const { cursor, limit, ...filter } = checked(connectionsQuery, c.req.query());
    return c.json(await api.connections(cursor, limit, filter));
  });
  app.delete('/v1/connections', async (c) =>
    c.json(await api.endConnections(checked(endQuery, c.req.query()))),
  );
  app.get('/v1/settings', (c) => c.json(api.settings()));
  app.get('/v1/marks', (c) => c.json(api.marks()));
  app.post('/v1/edits', async (c) => {
    const { edits } = checked(editsRequest, await jsonBody(c.req));
    return c.json(await api.edit(edits));
  });
  app.get('/v1/health', (c) => c.json(api.health()));
  app.get('/v1/overview', async (c) =>
    c.json(await api.overview(checked(overviewQuery, c.req.query()).service)),
  );
  app.get('/v1/history', (c) => {
    const { after, limit } = checked(historyQuery, c.req.query());
    return c.json(api.history(after, limit));
  });
  app.get('/metrics', async (c) => c.body(await api.metrics(), 200, { 'content-type': METRICS_TYPE }));
  app.get('/v1/stream', (c) => {
    const lastEventId = c.req.header('last-event-id');
    const query = { ...c.req.query(), ...(lastEventId === undefined ? {} : { after: lastEventId }) };
    return streamEvents(c, api, checked(streamQuery, query));
  });
  app.post('/v1/checks', async (c) => {
    const { service, check } = checked(checkRequest, await jsonBody(c.req));
    await api.setCheck(service, check);
    return c.json({});
  });
  app.post('/v1/drains', async (c) => {
    const { server, service, drained } = checked(drainRequest, await jsonBody(c.req));
    return c.json(await api.drain(server, service, drained));
  });
  app.post('/v1/explain', async (c) =>
    c.json(await api.explain(checked(explainRequest, await jsonBody(c.req)))),
  );
  app.post('/v1/plans', async (c) => c.json(await api.plan(checked(planRequest, await jsonBody(c.req)))));
  app.post('/v1/apply', async (c) => {
    await api.apply(checked(applyRequest, await jsonBody(c.req)).token);
    return c.json({});
  });
  app.get('/v1/capture', async (c) => {
    const { id, file } = await api.capture(checked(captureQuery, c.req.query()));
    return c.body(file, 200, {
      'content-type': 'application/octet-stream',
      [CAPTURE_ID_HEADER]: `${id}`,
    });
  });
  app.delete('/v1/capture', (c) => {
    const { id } = checked(captureId, c.req.query());
    if (!api.endCapture(id)) throw new DirectorError('BAD_REQUEST', `there is no capture ${id} any more`);
    return c.json({});
  });
  app.post('/v1/reload', async (c) => {
    await api.reload();
    return c.json({});
  });
  app.post('/v1/stop', async (c) => {
    const { keepForwarding = false } = checked(stopRequest, await optionalBody(c.req));
    api.stop(keepForwarding);
    return c.json({});
  });
  app.post('/v1/restart', (c) => {
    api.restart();
    return c.json({});
  });
  app.notFound((c) => c.json(errorReply('BAD_REQUEST', `there is no ${c.req.method} ${c.req.path}`), 404));
  app.onError((error, c) => {
    if (error instanceof DirectorError)
      return c.json(errorReply(error.code, error.message), statusOf(error.code));
    return c.json(errorReply('DATAPATH_FAILED', String(error)), 500);
  });
  return app;
}

const tooLarge = `the body is larger than ${MAX_BODY_BYTES} bytes; send the edits in several requests, or let the daemon read the file itself (--config)`;

const errorReply = (code: ErrorCode, message: string): ErrorReply => ({ error: { code, message } });

function statusOf(code: ErrorCode): ContentfulStatusCode {
  if (code === 'BAD_REQUEST' || code === 'RULES_FILE' || code === 'CONFIG_FILE') return 400;
  if (code === 'SERVICE_NOT_FOUND' || code === 'SERVER_NOT_FOUND') return 404;
  if (code === 'PLAN_OUTDATED') return 409;
  const isBusy = code === 'TOO_MANY_STREAMS' || code === 'CAPTURE_UNAVAILABLE';
  return isBusy || code === 'DATAPATH_FAILED' ? 503 : 500;
}

/** Nothing at all means nothing special. */
async function optionalBody(request: {
  text(): Promise<string>;
  json(): Promise<unknown>;
}): Promise<unknown> {
  return (await request.text()) === '' ? {} : jsonBody(request);
}

async function jsonBody(request: { json(): Promise<unknown> }): Promise<unknown> {
  try {
    return await request.json();
  } catch (cause) {
    throw new DirectorError('BAD_REQUEST', 'the body is not JSON', {}, cause);
  }
}

function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new DirectorError('BAD_REQUEST', z.prettifyError(result.error).replaceAll('\n', '; '));
}
