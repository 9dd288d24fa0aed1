/**
 * What the web listener answers: the control socket's calls that read, those that change to who has the token, and the
 * page. It trusts nobody: a browser may be on the page of somebody else.
 */
import { existsSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { join } from 'node:path';
import { getRequestListener } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { type Context, Hono, type MiddlewareHandler, type Next } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { DirectorError, type ErrorCode } from '../errors.ts';
import { canonicalIp } from '../wire/address.ts';
import type { ErrorReply } from './protocol.ts';
import type { Token } from './token.ts';

/** They end the daemon, or may have it run programs: for the control socket alone. */
const NOT_OVER_WEB = new Set(['/v1/stop', '/v1/restart', '/v1/plans', '/v1/apply', '/v1/checks']);
/** Names of files that change with their content. */
const HASHED = '/assets/';

export interface WebAppOptions {
  /** The control socket's application. */
  readonly control: Hono;
  /** Undefined: nothing can be changed. */
  readonly token: Token | undefined;
  readonly isLoopback: boolean;
  /** Of the page, as it was built. */
  readonly folder: string;
}

export const webAnswers = (options: WebAppOptions): RequestListener =>
  getRequestListener(createWebApp(options).fetch);

export function createWebApp({ control, token, isLoopback, folder }: WebAppOptions): Hono {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
        objectSrc: ["'none'"],
      },
      xFrameOptions: 'DENY',
      strictTransportSecurity: false,
    }),
  );
  app.use(cacheHeaders);
  if (isLoopback) app.use(requireLoopbackHost);
  app.use((c, next) => authorize(c, next, token));
  const answer = (c: Context) => control.fetch(c.req.raw, c.env);
  app.all('/v1/*', answer);
  app.get('/metrics', answer);
  app.use(pageOf(folder));
  app.onError(onError);
  app.notFound((c) => refuse(c, 404, 'BAD_REQUEST', `there is no ${c.req.method} ${c.req.path}`));
  return app;
}

async function cacheHeaders(c: Context, next: Next): Promise<void> {
  await next();
  const isHashed = c.req.path.startsWith(HASHED) && c.res.status === 200;
  c.res.headers.set('cache-control', isHashed ? 'public, max-age=31536000, immutable' : 'no-store');
}

/** A name of somebody else's that leads to this address is how a foreign page would get at us (DNS rebinding). */
async function requireLoopbackHost(c: Context, next: Next): Promise<void> {
  const host = c.req.header('host') ?? '';
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  const address = canonicalIp(name);
  if (name === 'localhost' || address === '::1' || address?.startsWith('127.') === true) return next();
  throw new DirectorError(
    'NOT_OVER_WEB',
    `the director is asked here as localhost, 127.0.0.1 or [::1], not as ${JSON.stringify(host)}`,
  );
}

async function authorize(c: Context, next: Next, token: Token | undefined): Promise<void> {
  const { method, path } = c.req;
  if (method === 'GET' || method === 'HEAD') return next();
  if (NOT_OVER_WEB.has(path))
    throw new DirectorError('NOT_OVER_WEB', `${method} ${path} is served on the control socket only`);
  if (token === undefined) {
    const why = 'nothing can be changed here: the director runs without --web-token-file';
    throw new DirectorError('READ_ONLY', why);
  }
  const [, given] = /^Bearer +(\S+)$/i.exec(c.req.header('authorization') ?? '') ?? [];
  if (given !== undefined && token(given)) return next();
  const why = given === undefined ? 'changes need the token' : 'this is not the token';
  throw new DirectorError(
    'TOKEN_NEEDED',
    `${why}: Authorization: Bearer, and the word in the file of --web-token-file`,
  );
}

function onError(error: Error, c: Context): Response {
  if (!(error instanceof DirectorError)) return refuse(c, 500, 'DATAPATH_FAILED', String(error));
  if (error.code === 'TOKEN_NEEDED') c.header('WWW-Authenticate', 'Bearer realm="director"');
  return refuse(c, error.code === 'TOKEN_NEEDED' ? 401 : 403, error.code, error.message);
}

/** Looked for at each request: it may be built while the director runs. */
function pageOf(folder: string): MiddlewareHandler {
  let serve: MiddlewareHandler | undefined;
  return (c, next) => {
    if (serve === undefined && !existsSync(join(folder, 'index.html')))
      return Promise.resolve(
        c.text(`the page is not built: there is no ${folder}; run: npm run build\n`, 404),
      );
    serve ??= serveStatic({ root: folder });
    return serve(c, next);
  };
}

const refuse = (c: Context, status: ContentfulStatusCode, code: ErrorCode, message: string): Response =>
  c.json({ error: { code, message } } satisfies ErrorReply, status);
