/** The control socket's calls through the application in memory: what each asks of the daemon, and what it refuses. */
import { describe, expect, test, vi } from 'vitest';
import type { DirectorApi } from '../../src/control/api.ts';
import { createControlApp } from '../../src/control/app.ts';
import { MAX_CONNECTIONS_LISTED, MAX_EDITS, MAX_MARK_RULES } from '../../src/control/schema.ts';
import { DirectorError, ERROR_CODES, type ErrorCode } from '../../src/errors.ts';
import { SERVER_OPTIONS, SERVICE_OPTIONS } from '../helpers/edits.ts';

const STATUS = { version: '1' };
const SUMMARY = { more: { services: 1 } };
const SERVICES = { services: [] };
const CONNECTIONS = { connections: [], nextCursor: 7 };
const ENDED = { ended: 3 };
const SETTINGS = { settings: [] };
const MARKS = { rules: [] };
const EXPLAINED = { verdict: 'Forward' };
const PLAN = { token: 'abc', services: [] };

function daemon() {
  const api = {
    edit: vi.fn(async (edits: readonly unknown[]) => ({ results: edits.map(() => null) })),
    services: vi.fn(async () => SERVICES),
    connections: vi.fn(async () => CONNECTIONS),
    endConnections: vi.fn(async () => ENDED),
    status: vi.fn(async () => STATUS),
    summary: vi.fn(async () => SUMMARY),
    settings: vi.fn(() => SETTINGS),
    marks: vi.fn(() => MARKS),
    explain: vi.fn(async () => EXPLAINED),
    plan: vi.fn(async () => PLAN),
    apply: vi.fn(async () => {}),
    reload: vi.fn(async () => {}),
    stop: vi.fn(),
    restart: vi.fn(),
  };
  return { api, app: createControlApp(api as unknown as DirectorApi) };
}

const post = (body: unknown) => ({
  method: 'POST',
  body: typeof body === 'string' ? body : JSON.stringify(body),
});

describe('a call', () => {
  test.each([
    ['GET', '/v1/status', 'status', STATUS],
    ['GET', '/v1/summary', 'summary', SUMMARY],
    ['GET', '/v1/services', 'services', SERVICES],
    ['GET', '/v1/connections', 'connections', CONNECTIONS],
    ['DELETE', '/v1/connections?client=10.0.0.1', 'endConnections', ENDED],
    ['GET', '/v1/settings', 'settings', SETTINGS],
    ['GET', '/v1/marks', 'marks', MARKS],
    ['POST', '/v1/reload', 'reload', {}],
    ['POST', '/v1/stop', 'stop', {}],
    ['POST', '/v1/restart', 'restart', {}],
  ] as const)('%s %s asks the daemon once and hands on its answer', async (method, path, call, answer) => {
    const { api, app } = daemon();
    const response = await app.request(path, { method });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(answer);
    for (const [name, mock] of Object.entries(api)) expect(mock).toHaveBeenCalledTimes(name === call ? 1 : 0);
  });

  test.each([
    ['', [0, 10_000, {}]],
    ['?cursor=5', [5, 10_000, {}]],
    ['?cursor=0&limit=1', [0, 1, {}]],
    [`?limit=${MAX_CONNECTIONS_LISTED}`, [0, MAX_CONNECTIONS_LISTED, {}]],
    ['?client=10.0.0.7', [0, 10_000, { client: { address: '10.0.0.7' } }]],
    [
      '?virtual=10.0.0.100:80&server=[FD00::0:1]:0',
      [0, 10_000, { virtual: { address: '10.0.0.100', port: 80 }, server: { address: 'fd00::1', port: 0 } }],
    ],
    ['?server=fd00::1', [0, 10_000, { server: { address: 'fd00::1' } }]],
  ])('/v1/connections%s', async (query, args) => {
    const { api, app } = daemon();
    expect((await app.request(`/v1/connections${query}`)).status).toBe(200);
    expect(api.connections).toHaveBeenCalledWith(...args);
  });

  test.each([
    'cursor=-1',
    'cursor=x',
    'cursor=0.5',
    'limit=0',
    `limit=${MAX_CONNECTIONS_LISTED + 1}`,
    'page=1',
    'cursor=1e999',
  ])('/v1/connections?%s is refused', async (query) => {
    const { api, app } = daemon();
    const response = await app.request(`/v1/connections?${query}`);
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: { code: 'BAD_REQUEST', message: expect.stringMatching(/at (cursor|limit)|page/) } },
    ]);
    expect(api.connections).not.toHaveBeenCalled();
  });

  test.each([
    'client=',
    'client=10.0.0.1:',
    'client=10.0.0.1:65536',
    'virtual=fd00::1:80:90000',
    'server=[10.0.0.1]:80',
    'server=web',
  ])('/v1/connections?%s is refused, to list and to end', async (query) => {
    const { api, app } = daemon();
    for (const method of ['GET', 'DELETE']) {
      const response = await app.request(`/v1/connections?${query}`, { method });
      expect(response.status).toBe(400);
    }
    expect(api.connections).not.toHaveBeenCalled();
    expect(api.endConnections).not.toHaveBeenCalled();
  });

  test('to end connections without saying which is refused', async () => {
    const { api, app } = daemon();
    expect((await app.request('/v1/connections', { method: 'DELETE' })).status).toBe(400);
    expect(api.endConnections).not.toHaveBeenCalled();
  });

  test.each([
    [undefined, false],
    ['{}', false],
    ['{"keepForwarding":false}', false],
    ['{"keepForwarding":true}', true],
  ])('/v1/stop with %s', async (body, keepForwarding) => {
    const { api, app } = daemon();
    const init = body === undefined ? { method: 'POST' } : post(body);
    expect((await app.request('/v1/stop', init)).status).toBe(200);
    expect(api.stop).toHaveBeenCalledWith(keepForwarding);
  });

  const ENDS = { from: { address: '192.0.2.1', port: 4000 }, to: { address: '10.0.0.100', port: 80 } };

  test.each([
    { frame: '00'.repeat(14) },
    { ...ENDS, protocol: 'tcp', flags: ['syn', 'ack'] },
    { ...ENDS, protocol: 'tcp', flags: [] },
    { ...ENDS, protocol: 'udp' },
    { ...ENDS, protocol: 'sctp', chunk: 'init' },
  ])('/v1/explain of %j', async (request) => {
    const { api, app } = daemon();
    const response = await app.request('/v1/explain', post(request));
    expect([response.status, await response.json()]).toEqual([200, EXPLAINED]);
    expect(api.explain).toHaveBeenCalledWith(request);
  });

  test.each([
    {},
    { frame: '00'.repeat(13) },
    { frame: '0'.repeat(29) },
    { frame: 'zz'.repeat(14) },
    { frame: '00'.repeat(14), protocol: 'udp' },
    { ...ENDS },
    { ...ENDS, protocol: 'icmp' },
    { ...ENDS, protocol: 'tcp' },
    { ...ENDS, protocol: 'tcp', flags: ['xmas'] },
    { ...ENDS, protocol: 'sctp', chunk: 'hello' },
    { ...ENDS, protocol: 'udp', from: { address: '2001:db8::1', port: 1 } },
    { ...ENDS, protocol: 'udp', from: { address: 'web', port: 1 } },
    { ...ENDS, protocol: 'udp', from: { address: '192.0.2.1' } },
  ])('/v1/explain of %j is refused', async (request) => {
    const { api, app } = daemon();
    expect((await app.request('/v1/explain', post(request))).status).toBe(400);
    expect(api.explain).not.toHaveBeenCalled();
  });

  test.each(['no JSON', '{"keepForwarding":1}', '{"keep":true}'])(
    '/v1/stop with %s stops nothing',
    async (body) => {
      const { api, app } = daemon();
      expect((await app.request('/v1/stop', post(body))).status).toBe(400);
      expect(api.stop).not.toHaveBeenCalled();
    },
  );

  test.each([
    ['GET', '/'],
    ['GET', '/v1'],
    ['GET', '/v2/status'],
    ['POST', '/v1/status'],
    ['GET', '/v1/edits'],
    ['GET', '/v1/stop'],
    ['DELETE', '/v1/services'],
    ['GET', '/v1/status/'],
    ['GET', '/v1/%2e%2e/etc/passwd'],
  ])('%s %s is unknown, and nothing happens', async (method, path) => {
    const { api, app } = daemon();
    const response = await app.request(path, { method });
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      error: { code: 'BAD_REQUEST', message: expect.stringContaining(`there is no ${method} /`) },
    });
    for (const mock of Object.values(api)) expect(mock).not.toHaveBeenCalled();
  });
});

describe('a plan', () => {
  const file = { name: '/etc/director.yaml', format: 'yaml', text: 'services: []\n' };

  test('is made of a file as it is, and carried out by its token', async () => {
    const { api, app } = daemon();
    const made = await app.request('/v1/plans', post(file));
    expect([made.status, await made.json()]).toEqual([200, PLAN]);
    expect(api.plan).toHaveBeenCalledExactlyOnceWith(file);
    expect(api.apply).not.toHaveBeenCalled();
    const applied = await app.request('/v1/apply', post({ token: PLAN.token }));
    expect([applied.status, await applied.json()]).toEqual([200, {}]);
    expect(api.apply).toHaveBeenCalledExactlyOnceWith(PLAN.token);
  });

  test.each<[string, unknown]>([
    ['/v1/plans', {}],
    ['/v1/plans', 'services: []'],
    ['/v1/plans', { ...file, name: '' }],
    ['/v1/plans', { ...file, format: 'json' }],
    ['/v1/plans', { ...file, text: 5 }],
    ['/v1/plans', { ...file, yes: true }],
    ['/v1/apply', {}],
    ['/v1/apply', { token: 'x'.repeat(65) }],
    ['/v1/apply', { token: 'x', force: true }],
  ])('is not asked for by %s with %j', async (path, body) => {
    const { api, app } = daemon();
    expect((await app.request(path, post(body))).status).toBe(400);
    expect(api.plan).not.toHaveBeenCalled();
    expect(api.apply).not.toHaveBeenCalled();
  });
});

const web = { protocol: 'tcp', address: '10.0.0.100', port: 80 };
const rs = { address: '10.0.0.11', port: 80 };
const daemonOptions = {
  role: 'master',
  interface: 'eth0',
  syncId: 1,
  maxLengthBytes: 0,
  group: '224.0.0.81',
  port: 8848,
  ttl: 1,
};

describe('edits', () => {
  test.each([
    { op: 'add-service', service: web, options: SERVICE_OPTIONS },
    { op: 'edit-service', service: { fwmark: 0xffffffff, family: 6 }, options: SERVICE_OPTIONS },
    { op: 'delete-service', service: web },
    { op: 'flush' },
    { op: 'add-server', service: web, server: rs, options: SERVER_OPTIONS },
    { op: 'edit-server', service: web, server: rs, options: { ...SERVER_OPTIONS, weight: 0x7fffffff } },
    { op: 'delete-server', service: web, server: rs },
    { op: 'zero' },
    { op: 'zero', service: web },
    { op: 'set-timeouts', timeouts: { tcpSec: 0, tcpFinSec: 2_678_400, udpSec: 1 } },
    { op: 'start-sync-daemon', daemon: daemonOptions },
    { op: 'stop-sync-daemon', role: 'backup' },
    { op: 'set', name: 'sloppy_tcp', value: 1 },
    { op: 'set-marks', rules: [{ mark: 1, destination: '10.0.0.0/8', ports: [1, 2], sources: ['::/0'] }] },
  ])('$op reaches the daemon as it is', async (edit) => {
    const { api, app } = daemon();
    const response = await app.request('/v1/edits', post({ edits: [edit] }));
    expect([response.status, await response.json()]).toEqual([200, { results: [null] }]);
    expect(api.edit).toHaveBeenCalledExactlyOnceWith([edit]);
  });

  test('come with canonical addresses', async () => {
    const { api, app } = daemon();
    const service = { protocol: 'udp', address: 'FD00:0:0::0001', port: 53 };
    await app.request('/v1/edits', post({ edits: [{ op: 'delete-service', service }] }));
    expect(api.edit).toHaveBeenCalledWith([
      { op: 'delete-service', service: { ...service, address: 'fd00::1' } },
    ]);
  });

  test('may be none, or as many as are allowed', async () => {
    const { app } = daemon();
    for (const count of [0, MAX_EDITS]) {
      const edits = new Array(count).fill({ op: 'flush' });
      expect((await app.request('/v1/edits', post({ edits }))).status).toBe(200);
    }
  });

  const add = (service: unknown, options: unknown = {}) => ({
    op: 'add-service',
    service,
    options: { ...SERVICE_OPTIONS, ...(options as object) },
  });
  const addServer = (server: unknown, options: unknown = {}) => ({
    op: 'add-server',
    service: web,
    server,
    options: { ...SERVER_OPTIONS, ...(options as object) },
  });
  const marks = (rule: unknown) => ({ op: 'set-marks', rules: [rule] });

  test.each<[name: string, body: unknown, message: RegExp]>([
    ['no JSON', '{', /^the body is not JSON$/],
    ['an empty body', '', /^the body is not JSON$/],
    ['null', 'null', /expected object/],
    ['a list', '[]', /expected object/],
    ['no edits', {}, /at edits/],
    ['something besides', { edits: [], force: true }, /"force"/],
    ['too many', { edits: new Array(MAX_EDITS + 1).fill({ op: 'flush' }) }, /at edits/],
    ['no op', { edits: [{}] }, /edits\[0\]\.op/],
    ['an unknown op', { edits: [{ op: 'flush' }, { op: 'destroy' }] }, /edits\[1\]\.op/],
    ['a key too many', { edits: [{ op: 'flush', now: true }] }, /"now"/],
    ['a name for an address', { edits: [add({ ...web, address: 'web' })] }, /edits\[0\]\.service/],
    ['port 65536', { edits: [add({ ...web, port: 65536 })] }, /service/],
    ['another protocol', { edits: [add({ ...web, protocol: 'icmp' })] }, /service/],
    ['mark 0', { edits: [add({ fwmark: 0, family: 4 })] }, /service/],
    ['mark of 33 bits', { edits: [add({ fwmark: 2 ** 32, family: 4 })] }, /service/],
    ['mark and address', { edits: [add({ ...web, fwmark: 1, family: 4 })] }, /service/],
    ['family 5', { edits: [add({ fwmark: 1, family: 5 })] }, /service/],
    ['no scheduler', { edits: [add(web, { scheduler: '' })] }, /options\.scheduler/],
    ['a long scheduler', { edits: [add(web, { scheduler: 'x'.repeat(16) })] }, /options\.scheduler/],
    ['flags beyond a byte', { edits: [add(web, { schedulerFlags: 256 })] }, /options\.schedulerFlags/],
    ['a negative time', { edits: [add(web, { persistentSec: -1 })] }, /options\.persistentSec/],
    ['a mask of 33 bits', { edits: [add(web, { netmask: 2 ** 32 })] }, /options\.netmask/],
    ['a yes', { edits: [add(web, { onePacket: 'yes' })] }, /options\.onePacket/],
    ['an engine too long', { edits: [add(web, { persistenceEngine: 'x'.repeat(16) })] }, /persistenceEngine/],
    ['a server without port', { edits: [addServer({ address: '10.0.0.11' })] }, /server\.port/],
    ['a negative weight', { edits: [addServer(rs, { weight: -1 })] }, /options\.weight/],
    ['a weight of 32 bits', { edits: [addServer(rs, { weight: 2 ** 31 })] }, /options\.weight/],
    ['half a threshold', { edits: [addServer(rs, { upperThreshold: 0.5 })] }, /options\.upperThreshold/],
    ['another forwarding', { edits: [addServer(rs, { forwarding: 'pigeon' })] }, /options\.forwarding/],
    ['another tunnel', { edits: [addServer(rs, { tunnel: { type: 'x' } })] }, /options\.tunnel/],
    ['no timeouts', { edits: [{ op: 'set-timeouts', timeouts: { tcpSec: 1 } }] }, /timeouts/],
    ['a role', { edits: [{ op: 'stop-sync-daemon', role: 'spare' }] }, /role/],
    [
      'a sync id of 9 bits',
      { edits: [{ op: 'start-sync-daemon', daemon: { ...daemonOptions, syncId: 256 } }] },
      /syncId/,
    ],
    ['a setting of half', { edits: [{ op: 'set', name: 'sloppy_tcp', value: 0.5 }] }, /value/],
    ['a long setting', { edits: [{ op: 'set', name: 'x'.repeat(65), value: 1 }] }, /name/],
    ['a rule of mark 0', { edits: [marks({ mark: 0, destination: '10.0.0.1' })] }, /rules\[0\]\.mark/],
    ['a rule of one port', { edits: [marks({ mark: 1, destination: '10.0.0.1', ports: [1] })] }, /ports/],
    [
      'a rule of no sources',
      { edits: [marks({ mark: 1, destination: '10.0.0.1', sources: [] })] },
      /sources/,
    ],
    [
      'too many rules',
      {
        edits: [
          { op: 'set-marks', rules: new Array(MAX_MARK_RULES + 1).fill({ mark: 1, destination: '::1' }) },
        ],
      },
      /rules/,
    ],
  ])('with %s are refused whole', async (_name, body, message) => {
    const { api, app } = daemon();
    const response = await app.request('/v1/edits', post(body));
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { code: string; message: string } };
    expect(error.code).toBe('BAD_REQUEST');
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
    expect(api.edit).not.toHaveBeenCalled();
  });

  test('__proto__ in an edit changes nothing in this process', async () => {
    const { app } = daemon();
    const body = '{"edits":[{"op":"flush","__proto__":{"polluted":1}}]}';
    await app.request('/v1/edits', post(body));
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  test('of more than 16 MiB are refused before they are read', async () => {
    const { api, app } = daemon();
    const response = await app.request('/v1/edits', post(`{"edits":[${' '.repeat(16 * 1024 * 1024)}]}`));
    expect([response.status, await response.json()]).toEqual([
      413,
      {
        error: {
          code: 'BAD_REQUEST',
          message: expect.stringContaining('send the edits in several requests'),
        },
      },
    ]);
    expect(api.edit).not.toHaveBeenCalled();
  });
});

describe('an error of the daemon', () => {
  const STATUSES: Partial<Record<ErrorCode, number>> = {
    BAD_REQUEST: 400,
    RULES_FILE: 400,
    CONFIG_FILE: 400,
    SERVICE_NOT_FOUND: 404,
    SERVER_NOT_FOUND: 404,
    PLAN_OUTDATED: 409,
    TOO_MANY_STREAMS: 503,
    DATAPATH_FAILED: 503,
    CAPTURE_UNAVAILABLE: 503,
  };

  test.each(Object.keys(ERROR_CODES) as ErrorCode[])(
    '%s is handed on with code and message',
    async (code) => {
      const { api, app } = daemon();
      api.reload.mockRejectedValue(new DirectorError(code, 'so it is'));
      const response = await app.request('/v1/reload', { method: 'POST' });
      expect([response.status, await response.json()]).toEqual([
        STATUSES[code] ?? 500,
        { error: { code, message: 'so it is' } },
      ]);
    },
  );

  test('that is none of its own is a failure of the datapath', async () => {
    const { api, app } = daemon();
    api.settings.mockImplementation(() => {
      throw new TypeError('x is not a function');
    });
    const response = await app.request('/v1/settings');
    expect([response.status, await response.json()]).toEqual([
      500,
      { error: { code: 'DATAPATH_FAILED', message: 'TypeError: x is not a function' } },
    ]);
  });
});
