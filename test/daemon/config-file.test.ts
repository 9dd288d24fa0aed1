/** The configuration file: a good one, each kind of mistake with its place, and files that mean harm. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/daemon/config-file.ts';
import { DirectorError } from '../../src/errors.ts';
import { EMPTY_CONFIGURATION } from '../../src/service/configuration.ts';
import { DEFAULT_SETTINGS } from '../../src/service/settings.ts';

const PATH = '/etc/director/director.yaml';

function errorOf(text: string): DirectorError {
  try {
    parseConfig(text, PATH);
  } catch (error) {
    if (error instanceof DirectorError) return error;
    throw error;
  }
  throw new Error('it was taken');
}

const GOOD = `
# all there is
services:
  - service: tcp 10.0.0.100:80
    scheduler: sh
    flags: [fallback, port]
    persistent: 300
    netmask: 24
    servers:
      - address: 10.0.0.11
      - {address: 10.0.0.12, weight: 3, upperThreshold: 100, lowerThreshold: 80}
  - service: udp [FD00:0:0::100]:53
    onePacket: true
    persistent: 60
    netmask: 64
    servers: [{address: 'fd00::0b', weight: 0}]
  - service: mark 7
    servers: [{address: 10.0.0.11}]
  - {service: mark 7, family: 6}
  - {service: 'sctp 10.0.0.100:0', persistent: 1}
marks:
  - {mark: 7, destination: 10.0.0.96/28, protocol: tcp, ports: [80, 443], sources: [192.0.2.0/24]}
  - {mark: 4294967295, destination: 'FD00::/64', ports: 53}
settings:
  sloppy_tcp: 1
  conn_reuse_mode: 3
timeouts: {tcp: 7200, udp: 0x20}
`;

describe('a good file', () => {
  const { services, ...rest } = parseConfig(GOOD, PATH).configuration;

  test('gives settings, timeouts and marks; what it leaves out keeps its default', () => {
    expect(rest).toEqual({
      timeouts: { tcpSec: 7200, tcpFinSec: 120, udpSec: 32 },
      settings: { ...DEFAULT_SETTINGS, sloppy_tcp: 1, conn_reuse_mode: 3 },
      syncDaemons: [],
      marks: [
        {
          mark: 7,
          destination: '10.0.0.96/28',
          protocol: 'tcp',
          ports: [80, 443],
          sources: ['192.0.2.0/24'],
        },
        { mark: 4294967295, destination: 'fd00::/64', ports: [53, 53] },
      ],
    });
  });

  test('gives services by name, canonical', () => {
    expect([...services.keys()]).toEqual([
      'tcp 10.0.0.100:80',
      'udp [fd00::100]:53',
      'fwmark 7',
      'fwmark 7 IPv6',
      'sctp 10.0.0.100:0',
    ]);
  });

  test('gives options and servers, the last one first as if they were added one by one', () => {
    const web = services.get('tcp 10.0.0.100:80')!;
    expect(web.options).toEqual({
      scheduler: 'sh',
      schedulerFlags: 24,
      persistentSec: 300,
      netmask: 0xffffff00,
      onePacket: false,
      persistenceEngine: '',
    });
    const direct = { forwarding: 'direct-route', tunnel: { type: 'ipip', port: 0, checksum: 'none' } };
    expect(web.servers).toEqual([
      {
        server: { address: '10.0.0.12', port: 80 },
        options: { ...direct, weight: 3, upperThreshold: 100, lowerThreshold: 80 },
      },
      {
        server: { address: '10.0.0.11', port: 80 },
        options: { ...direct, weight: 1, upperThreshold: 0, lowerThreshold: 0 },
      },
    ]);
    const dns = services.get('udp [fd00::100]:53')!;
    expect(dns.options).toMatchObject({ scheduler: 'wlc', onePacket: true, netmask: 64 });
    expect(dns.servers[0]).toMatchObject({
      server: { address: 'fd00::b', port: 53 },
      options: { weight: 0 },
    });
    expect(services.get('fwmark 7')).toMatchObject({
      options: { netmask: 0xffffffff, persistentSec: 0 },
      servers: [{ server: { address: '10.0.0.11', port: 0 } }],
    });
    expect(services.get('fwmark 7 IPv6')).toMatchObject({ options: { netmask: 128 }, servers: [] });
  });

  test.each([1, 8, 31, 32])('makes a mask of a prefix length: %d', (bits) => {
    const text = `services: [{service: 'tcp 10.0.0.1:80', persistent: 5, netmask: ${bits}}]`;
    const { netmask } = parseConfig(text, PATH).configuration.services.get('tcp 10.0.0.1:80')!.options;
    expect(netmask.toString(2)).toBe('1'.repeat(bits).padEnd(32, '0'));
  });

  test.each(['', '\n', '# nothing yet\n', '{}', 'services: []', '---\n'])(
    'may be as good as empty: %j',
    (text) => {
      expect(parseConfig(text, PATH)).toEqual({ configuration: EMPTY_CONFIGURATION, policies: new Map() });
    },
  );

  test('may say a thing once and refer to it', () => {
    const text = `services:
  - {service: 'tcp 10.0.0.100:80', servers: &both [{address: 10.0.0.11}, {address: 10.0.0.12}]}
  - {service: 'tcp 10.0.0.100:443', servers: *both}`;
    const ports = [...parseConfig(text, PATH).configuration.services.values()].map(
      ({ servers }) => servers[1]!.server.port,
    );
    expect(ports).toEqual([80, 443]);
  });
});

describe('a mistake is named with its place', () => {
  const inService = (line: string) => `services:\n  - service: tcp 10.0.0.100:80\n    ${line}\n`;
  const inServer = (line: string) =>
    inService(`servers:\n      - address: 10.0.0.11\n        weight: 1\n      - ${line}`);

  test.each<[name: string, text: string, place: string, message: string]>([
    ['tabs', 'services:\n\t- service: x\n', '2:1', 'a tab; YAML is indented with blanks'],
    ['a bracket that does not end', 'services: [\n', '2:1', ''],
    [
      'two files in one',
      'services: []\n---\nservices: []\n',
      '2:1',
      'a second document begins here; expected one',
    ],
    ['a word', 'hello', '1:1', 'the file is "hello"; expected keys with values: services, marks'],
    ['a list', '- a', '1:1', 'the file is a list; expected keys'],
    ['a section of another kind', 'services: 5', '1:11', 'services is 5; expected a list'],
    ['nothing in a section', 'services:\n', '1:10', 'services is empty; expected a list'],
    [
      'an unknown section',
      'marks: []\nservicez: []\n',
      '2:1',
      'servicez is not known here; there are: services, marks, settings, timeouts',
    ],
    [
      'an unknown key',
      inService('sheduler: rr'),
      '3:5',
      'sheduler is not known here; there are: service, family, scheduler, ',
    ],
    ['a key of a merge', inService('<<: {}'), '3:5', '<< is not known here'],
    ['a section twice', 'marks: []\nmarks: []\n', '2:1', 'this key is here already; put the two together'],
    [
      'a setting twice',
      'settings:\n  sloppy_tcp: 1\n  sloppy_tcp: 0\n',
      '3:3',
      'this key is here already; put the two together',
    ],
    [
      'a service without its name',
      'services:\n  - scheduler: rr\n',
      '2:5',
      'service is missing; expected "tcp ADDRESS:PORT"',
    ],
    [
      'no port',
      'services:\n  - service: tcp 10.0.0.100\n',
      '2:14',
      'service is "tcp 10.0.0.100"; expected "tcp ADDRESS:PORT"',
    ],
    ['port 65536', "services: [{service: 'tcp 10.0.0.1:65536'}]", '1:22', 'expected "tcp ADDRESS:PORT"'],
    ['another protocol', "services: [{service: 'icmp 10.0.0.1:1'}]", '1:22', 'expected "tcp ADDRESS:PORT"'],
    ['no brackets', "services: [{service: 'tcp fd00::1:80'}]", '1:22', 'an IPv6 address in brackets'],
    ['IPv4 in brackets', "services: [{service: 'tcp [10.0.0.1]:80'}]", '1:22', 'expected "tcp ADDRESS:PORT"'],
    ['mark 0', 'services:\n  - service: mark 0\n', '2:14', 'service is "mark 0"; expected'],
    [
      'a mark of 33 bits',
      'services:\n  - service: mark 4294967296\n',
      '2:14',
      'service is "mark 4294967296"; expected',
    ],
    [
      'all ports, not persistent',
      "services: [{service: 'tcp 10.0.0.1:0'}]",
      '1:22',
      'port 0 stands for all ports',
    ],
    [
      'a service twice',
      `${inService('scheduler: rr')}  - service: tcp 10.0.0.100:80\n`,
      '4:14',
      'the virtual service tcp 10.0.0.100:80 is in this file already; put the two together',
    ],
    [
      'an unknown scheduler',
      inService('scheduler: best'),
      '3:16',
      'there is no scheduler "best"; known: rr, wrr',
    ],
    [
      'an unknown flag',
      inService('flags: [fast]'),
      '3:13',
      'an entry of flags is "fast"; expected fallback or port',
    ],
    ['no time', inService('persistent: 0'), '3:17', 'persistent is 0; expected 1 or more'],
    ['a netmask of IPv6', inService('netmask: 64'), '3:14', 'netmask is 64; expected 32 or less'],
    ['a netmask of nothing', inService('netmask: 0'), '3:14', 'netmask is 0; expected 1 or more'],
    ['a family of no kind', inService('family: 5'), '3:13', 'family is 5; expected 4 or 6'],
    [
      'no yes and no no',
      inService('onePacket: maybe'),
      '3:16',
      'onePacket is "maybe"; expected true or false',
    ],
    ['a name for an address', inServer('address: web'), '6:18', 'web is not an IP address'],
    [
      'IPv6 behind IPv4',
      inServer('address: fd00::1'),
      '6:18',
      'fd00::1 is an IPv6 address, and tcp 10.0.0.100:80 is IPv4; expected an IPv4 address',
    ],
    [
      'a server twice',
      inServer('address: 10.0.0.11'),
      '6:18',
      'the real server 10.0.0.11:80 of tcp 10.0.0.100:80 is in this file already',
    ],
    ['a multicast server', inServer('address: 224.0.0.1'), '6:18', '224.0.0.1 is not a unicast address'],
    [
      'a weight in words',
      inServer('{address: 10.0.0.12, weight: high}'),
      '6:38',
      'weight is "high"; expected a whole number from 0 to 2147483647',
    ],
    [
      'a negative weight',
      inServer('{address: 10.0.0.12, weight: -1}'),
      '6:38',
      'weight is -1; expected 0 or more',
    ],
    [
      'a half weight',
      inServer('{address: 10.0.0.12, weight: 0.5}'),
      '6:38',
      'weight is 0.5; expected a whole number',
    ],
    [
      'thresholds crossed',
      inServer('{address: 10.0.0.12, lowerThreshold: 2}'),
      '6:9',
      'lower threshold 2 is above',
    ],
    [
      'no destination',
      'marks:\n  - mark: 7\n',
      '2:5',
      'destination is missing; expected an IP address, or a network',
    ],
    [
      'a destination of no kind',
      'marks:\n  - {mark: 7, destination: 10.0.0.300}\n',
      '2:5',
      '10.0.0.300 is neither',
    ],
    [
      'the second rule',
      'marks:\n  - {mark: 7, destination: 10.0.0.1}\n  - {mark: 7, destination: 10.0.0.1, ports: [90, 80]}\n',
      '3:5',
      'the ports 90-80 are in the wrong order',
    ],
    [
      'sources of the other version',
      'marks:\n  - {mark: 7, destination: 10.0.0.1, sources: [fd00::1]}\n',
      '2:5',
      'the source fd00::1 is not of the IP version',
    ],
    [
      'an unknown setting',
      'settings:\n  sloppy: 1\n',
      '2:11',
      'there is no setting sloppy; there are: am_droprate',
    ],
    ['a setting out of range', 'settings:\r\n  sloppy_tcp: 2\r\n', '2:15', 'sloppy_tcp takes 0 to 1, not 2'],
    [
      'a setting in words',
      'settings:\n  sloppy_tcp: yes\n',
      '2:15',
      'sloppy_tcp is "yes"; expected a whole number',
    ],
    ['a timeout of 0', 'timeouts: {tcp: 0}', '1:17', 'tcp is 0; expected 1 or more'],
    [
      'a timeout in quotes',
      'timeouts: {tcp: "900"}',
      '1:17',
      'tcp is "900"; expected a whole number from 1 to 2678400',
    ],
    [
      'a timeout beyond a month',
      'timeouts: {udp: 2678401}',
      '1:17',
      'udp is 2678401; expected 2678400 or less',
    ],
  ])('%s', (_name, text, place, message) => {
    const error = errorOf(text);
    const [line, column] = place.split(':').map(Number);
    expect(error.message).toContain(`${PATH}:${place}: `);
    expect(error.message).toContain(message);
    expect(error).toMatchObject({ code: 'CONFIG_FILE', fields: { path: PATH, line, column } });
    expect(error.message).not.toContain('\n');
  });
});

test('what the daemon has no room for is named with its place, too', () => {
  const apply = () => {
    throw new DirectorError('OUT_OF_RANGE', 'no room');
  };
  const text = 'services: [{service: "tcp 10.0.0.1:80"}]\nsettings: {sloppy_tcp: 1}\n';
  expect(() => parseConfig(text, PATH, apply)).toThrow(`${PATH}:2:24: no room`);
});

describe('a file that means harm', () => {
  /** Ten to the power of nine, in a few lines. */
  const LAUGHS = ['a: &a [1,1,1,1,1,1,1,1,1,1]']
    .concat(
      [...'bcdefghij'].map(
        (name, index) => `${name}: &${name} [${Array(10).fill(`*${'abcdefghij'[index]}`)}]`,
      ),
    )
    .join('\n');

  test.each([
    ['aliases of aliases of aliases', LAUGHS, 'Excessive alias count'],
    ['an alias of nothing', 'services: *x', 'Unresolved alias'],
    ['a list that holds itself', 'services: &a\n  - *a\n', 'an entry of services is a list; expected keys'],
    ['brackets without end', '['.repeat(20_000), 'call stack'],
    ['maps in maps', `a: ${'{b: '.repeat(5000)}1${'}'.repeat(5000)}`, ''],
    ['a function', 'services: !!js/function "x"', 'services is '],
    ['bytes', 'services: !!binary "eA=="', 'services is '],
    ['a set', 'services: !!set {a, b}', 'services is '],
    ['a number without end', 'timeouts: {tcp: 1e400}', 'tcp is Infinity; expected a whole number'],
    ['a number of many digits', `timeouts: {tcp: ${'9'.repeat(4000)}}`, 'tcp is '],
    ['no number', 'timeouts: {tcp: .nan}', 'tcp is NaN; expected a whole number'],
    ['the prototype of everything', '__proto__: {services: []}', '__proto__ is not known here'],
    ['a constructor', 'settings: {constructor: 1}', 'there is no setting constructor'],
    ['zero bytes', 'services: \0\n', 'services is '],
  ])('%s', (_name, text, message) => {
    const begun = performance.now();
    const error = errorOf(text);
    expect(error.code).toBe('CONFIG_FILE');
    expect(error.message).toContain(message);
    expect(error.message.length).toBeLessThan(5000);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(({} as Record<string, unknown>).services).toBeUndefined();
  });

  test('any text gives a configuration or an error with a place', () => {
    const pieces =
      'services: marks: settings: timeouts: service: mark destination - [ ] { } , : & * ! | > # " \' ? % @ ` \n \t 1 0x 1e9 ~ tcp 10.0.0.1:80 servers: address:';
    const piece = fc.oneof(fc.constantFrom(...pieces.split(' '), '\n  ', ' '), fc.string({ maxLength: 4 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (parts) => {
        try {
          parseConfig(parts.join(''), PATH);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CONFIG_FILE' });
          expect((error as Error).message).toMatch(/^\/etc\/director\/director\.yaml:\d+:\d+: /);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
