/** Edits: what they make of a configuration, and which error comes first, in the order of the kernel's ip_vs_ctl.c. */
import { describe, expect, test } from 'vitest';
import { DirectorError } from '../../src/errors.ts';
import {
  applyEdit,
  type Configuration,
  DEFAULT_TIMEOUTS,
  EMPTY_CONFIGURATION,
  endpointText,
  SCHEDULER_NAMES,
  serviceKey,
} from '../../src/service/configuration.ts';
import type { Edit, SyncDaemon } from '../../src/service/model.ts';
import {
  addServer,
  addService,
  deleteServer,
  deleteService,
  editServer,
  editService,
  SERVICE_OPTIONS,
  serviceAddress,
} from '../helpers/edits.ts';

const WEB = 'tcp 10.0.0.100:80';
const A = '10.0.0.11:80';
const B = '10.0.0.12:80';

const applied = (...edits: readonly Edit[]): Configuration => edits.reduce(applyEdit, EMPTY_CONFIGURATION);

function codeOf(configuration: Configuration, edit: Edit): string {
  try {
    applyEdit(configuration, edit);
    return 'no error';
  } catch (error) {
    if (error instanceof DirectorError) return error.code;
    throw error;
  }
}

const namesOf = (configuration: Configuration, service = WEB): string[] =>
  configuration.services
    .get(serviceKey(serviceAddress(service)))!
    .servers.map(({ server }) => endpointText(server));

const MASTER: SyncDaemon = {
  role: 'master',
  interface: 'eth0',
  syncId: 1,
  maxLengthBytes: 1472,
  group: '224.0.0.81',
  port: 8848,
  ttl: 1,
};

describe('services', () => {
  test('are listed in the order of adding, whatever is edited', () => {
    const configuration = applied(
      addService(WEB),
      addService('udp 10.0.0.100:53'),
      addService('fwmark 1'),
      editService(WEB, { scheduler: 'wlc' }),
    );
    expect([...configuration.services.keys()]).toEqual([
      'tcp 10.0.0.100:80',
      'udp 10.0.0.100:53',
      'fwmark 1',
    ]);
    expect(configuration.services.get('tcp 10.0.0.100:80')!.options).toEqual({
      ...SERVICE_OPTIONS,
      scheduler: 'wlc',
    });
  });

  test('of other protocol, port, address or family are others', () => {
    const names = [
      WEB,
      'udp 10.0.0.100:80',
      'sctp 10.0.0.100:80',
      'tcp 10.0.0.100:81',
      'tcp 10.0.0.101:80',
      'tcp [fd00::1]:80',
      'fwmark 1',
      'fwmark 2',
      'fwmark 1 IPv6',
    ];
    expect(applied(...names.map((name) => addService(name))).services.size).toBe(names.length);
  });

  test('an edit keeps the servers', () => {
    const configuration = applied(
      addService(WEB),
      addServer(WEB, A),
      editService(WEB, { persistentSec: 300 }),
    );
    expect(namesOf(configuration)).toEqual([A]);
  });

  test.each([...SCHEDULER_NAMES])('can have scheduler %s', (scheduler) => {
    expect(codeOf(EMPTY_CONFIGURATION, addService(WEB, { scheduler }))).toBe('no error');
  });
});

describe('servers', () => {
  test('stand with the newest first', () => {
    expect(namesOf(applied(addService(WEB), addServer(WEB, A), addServer(WEB, B)))).toEqual([B, A]);
  });

  test('keep their place when edited', () => {
    const configuration = applied(
      addService(WEB),
      addServer(WEB, A),
      addServer(WEB, B),
      editServer(WEB, A, { weight: 7 }),
    );
    expect(namesOf(configuration)).toEqual([B, A]);
    expect(configuration.services.get(WEB)!.servers[1]!.options.weight).toBe(7);
  });

  test('go alone', () => {
    expect(
      namesOf(applied(addService(WEB), addServer(WEB, A), addServer(WEB, B), deleteServer(WEB, B))),
    ).toEqual([A]);
  });
});

describe('errors', () => {
  const empty = EMPTY_CONFIGURATION;
  const one = applied(addService(WEB), addServer(WEB, A));
  const rows: readonly (readonly [string, Configuration, Edit, string])[] = [
    ['a service twice', one, addService(WEB), 'SERVICE_EXISTS'],
    [
      'a service twice, with an unknown scheduler: the first counts',
      one,
      addService(WEB, { scheduler: 'x' }),
      'SERVICE_EXISTS',
    ],
    ['an unknown scheduler', empty, addService(WEB, { scheduler: 'x' }), 'SCHEDULER_NOT_FOUND'],
    ['an unknown scheduler on edit', one, editService(WEB, { scheduler: 'x' }), 'SCHEDULER_NOT_FOUND'],
    [
      'an edit of no service with an unknown scheduler',
      empty,
      editService(WEB, { scheduler: 'x' }),
      'SERVICE_NOT_FOUND',
    ],
    [
      'an unknown persistence engine',
      empty,
      addService(WEB, { persistenceEngine: 'x' }),
      'SCHEDULER_NOT_FOUND',
    ],
    ['deletion of no service', empty, deleteService(WEB), 'SERVICE_NOT_FOUND'],
    ['a server of no service', empty, addServer(WEB, A), 'SERVICE_NOT_FOUND'],
    ['a bad server of no service', empty, addServer(WEB, A, { weight: -1 }), 'SERVICE_NOT_FOUND'],
    ['a server twice', one, addServer(WEB, A), 'SERVER_EXISTS'],
    ['a server twice with a negative weight', one, addServer(WEB, A, { weight: -1 }), 'OUT_OF_RANGE'],
    ['a weight above 31 bits', one, addServer(WEB, B, { weight: 0x80000000 }), 'OUT_OF_RANGE'],
    [
      'thresholds the wrong way round',
      one,
      addServer(WEB, B, { upperThreshold: 1, lowerThreshold: 2 }),
      'OUT_OF_RANGE',
    ],
    ['a lower threshold alone', one, addServer(WEB, B, { lowerThreshold: 1 }), 'OUT_OF_RANGE'],
    [
      'thresholds that are equal',
      one,
      addServer(WEB, B, { upperThreshold: 2, lowerThreshold: 2 }),
      'no error',
    ],
    ['a server with the largest weight', one, addServer(WEB, B, { weight: 0x7fffffff }), 'no error'],
    ['a multicast server', one, addServer(WEB, '224.0.0.1:80'), 'SERVER_ADDRESS_INVALID'],
    ['a broadcast server', one, addServer(WEB, '255.255.255.255:80'), 'SERVER_ADDRESS_INVALID'],
    ['a server in "this network"', one, addServer(WEB, '0.0.0.0:80'), 'SERVER_ADDRESS_INVALID'],
    [
      'a multicast server with a bad weight',
      one,
      addServer(WEB, '224.0.0.1:80', { weight: -1 }),
      'OUT_OF_RANGE',
    ],
    ['loopback: the director itself', one, addServer(WEB, '127.0.0.1:80'), 'no error'],
    ['a link-local IPv6 server', one, addServer(WEB, '[fe80::1]:80'), 'SERVER_ADDRESS_INVALID'],
    ['the unspecified IPv6 server', one, addServer(WEB, '[::]:80'), 'SERVER_ADDRESS_INVALID'],
    ['a multicast IPv6 server', one, addServer(WEB, '[ff02::1]:80'), 'SERVER_ADDRESS_INVALID'],
    ['an edit of no server', one, editServer(WEB, B), 'SERVER_NOT_FOUND'],
    ['an edit of no server with a bad weight', one, editServer(WEB, B, { weight: -1 }), 'OUT_OF_RANGE'],
    ['deletion of no server', one, deleteServer(WEB, B), 'SERVER_NOT_FOUND'],
    ['the same address at another port', one, addServer(WEB, '10.0.0.11:81'), 'no error'],
    ['zeroing of no service', empty, { op: 'zero', service: serviceAddress(WEB) }, 'SERVICE_NOT_FOUND'],
    ['zeroing of everything', empty, { op: 'zero' }, 'no error'],
    ['a flush of nothing', empty, { op: 'flush' }, 'no error'],
    [
      'the end of no sync daemon',
      empty,
      { op: 'stop-sync-daemon', role: 'backup' },
      'SYNC_DAEMON_NOT_RUNNING',
    ],
    [
      'a sync daemon twice',
      applied({ op: 'start-sync-daemon', daemon: MASTER }),
      { op: 'start-sync-daemon', daemon: { ...MASTER, syncId: 9 } },
      'SYNC_DAEMON_RUNNING',
    ],
  ];

  test.each(rows)('%s', (_name, configuration, edit, code) => {
    const before = structuredClone(configuration);
    expect(codeOf(configuration, edit)).toBe(code);
    expect(configuration).toEqual(before);
  });
});

describe('the rest', () => {
  test('flush takes services and servers, not timeouts or sync daemons', () => {
    const timeouts = { tcpSec: 1, tcpFinSec: 2, udpSec: 3 };
    const configuration = applied(
      addService(WEB),
      { op: 'set-timeouts', timeouts },
      { op: 'start-sync-daemon', daemon: MASTER },
      { op: 'flush' },
    );
    expect(configuration).toEqual({ ...EMPTY_CONFIGURATION, timeouts, syncDaemons: [MASTER] });
  });

  test('a timeout of 0 stays as it was', () => {
    const { timeouts } = applied({ op: 'set-timeouts', timeouts: { tcpSec: 0, tcpFinSec: 30, udpSec: 0 } });
    expect(timeouts).toEqual({ ...DEFAULT_TIMEOUTS, tcpFinSec: 30 });
  });

  test('the master stands before the backup', () => {
    const backup: SyncDaemon = { ...MASTER, role: 'backup' };
    const both = applied(
      { op: 'start-sync-daemon', daemon: backup },
      { op: 'start-sync-daemon', daemon: MASTER },
    );
    expect(both.syncDaemons.map(({ role }) => role)).toEqual(['master', 'backup']);
    expect(applyEdit(both, { op: 'stop-sync-daemon', role: 'master' }).syncDaemons).toEqual([backup]);
  });

  test('services that an edit does not concern are the same objects', () => {
    const before = applied(addService(WEB), addServer(WEB, A), addService('udp 10.0.0.100:53'));
    const after = applyEdit(before, addServer('udp 10.0.0.100:53', B));
    expect(after.services.get(WEB)).toBe(before.services.get(WEB));
  });
});
