import { describe, expect, it } from 'vitest';
import { renderConnection, renderConnectionsTitle } from '../../../src/cli/diradm/connections.ts';
import { createNameRenderer, renderNumeric } from '../../../src/cli/diradm/endpoint-names.ts';
import { renderCount, renderService } from '../../../src/cli/diradm/listing.ts';
import { renderSavedService } from '../../../src/cli/diradm/save.ts';
import type { ConnectionListing, ServerListing, ServiceListing } from '../../../src/control/protocol.ts';
import { fakeResolver } from './run-in-process.ts';

const NO_TRAFFIC = { connections: 0, inPackets: 0, outPackets: 0, inBytes: 0, outBytes: 0 };

function service(overrides: Partial<ServiceListing['options']> = {}, address = '10.0.0.100'): ServiceListing {
  return {
    service: { protocol: 'tcp', address, port: 80 },
    options: {
      scheduler: 'wlc',
      schedulerFlags: 0,
      persistentSec: 0,
      netmask: address.includes(':') ? 128 : 0xffffffff,
      onePacket: false,
      persistenceEngine: '',
      ...overrides,
    },
    counters: NO_TRAFFIC,
    rates: NO_TRAFFIC,
    servers: [],
  };
}

function server(overrides: Partial<ServerListing> = {}, address = '10.0.0.1'): ServerListing {
  return {
    server: { address, port: 80 },
    options: {
      forwarding: 'direct-route',
      weight: 1,
      upperThreshold: 0,
      lowerThreshold: 0,
      tunnel: { type: 'ipip', port: 0, checksum: 'none' },
    },
    activeConnections: 0,
    inactiveConnections: 0,
    persistentConnections: 0,
    counters: NO_TRAFFIC,
    rates: NO_TRAFFIC,
    ...overrides,
  };
}

const plain = { view: 'plain', exact: false, renderEndpoint: renderNumeric } as const;
const lastLine = (text: string) => text.trimEnd().split('\n').at(-1);

describe('a count takes nine characters', () => {
  it.each([
    [0, '        0'],
    [99_999_999, ' 99999999'],
    [100_000_000, '  100000K'],
    [999_999_999, '  999999K'],
    [1_000_000_000, '    1000M'],
    [99_999_999_999, '   99999M'],
    [100_000_000_000, '     100G'],
    [99_999_999_999_999, '   99999G'],
    [100_000_000_000_000, '     100T'],
  ])('%i', (value, text) => expect(renderCount(value, false)).toBe(text));

  it('but for exact ones of more than eight digits', () => {
    expect(renderCount(99_999_999, true)).toBe(' 99999999');
    expect(renderCount(100_000_000, true)).toBe(' 100000000');
  });

  it('and drops fractions, as rates may have', () => expect(renderCount(12.9, false)).toBe('       12'));
});

describe('a service line', () => {
  it.each([
    [{}, 'TCP  10.0.0.100:80 wlc'],
    [{ onePacket: true }, 'TCP  10.0.0.100:80 wlc ops'],
    [{ persistentSec: 60 }, 'TCP  10.0.0.100:80 wlc persistent 60'],
    [
      {
        persistentSec: 60,
        netmask: 0xffffff00,
        persistenceEngine: 'sip',
        schedulerFlags: 8,
        onePacket: true,
      },
      'TCP  10.0.0.100:80 wlc (flag-1) persistent 60 mask 255.255.255.0 pe sip ops',
    ],
    [{ netmask: 0xffffff00, persistenceEngine: 'sip' }, 'TCP  10.0.0.100:80 wlc'],
    [{ scheduler: 'sh', schedulerFlags: 0x18 }, 'TCP  10.0.0.100:80 sh (sh-fallback,sh-port)'],
    [{ scheduler: 'mh', schedulerFlags: 0x20 }, 'TCP  10.0.0.100:80 mh ()'],
  ])('%j', (options, line) => expect(renderService(service(options), [], plain)).toBe(`${line}\n`));

  it('names marks as signed numbers', () => {
    const marked = { ...service(), service: { fwmark: 4294967295, family: 6 } as const };
    expect(renderService({ ...marked, options: { ...marked.options, netmask: 128 } }, [], plain)).toBe(
      'FWM  -1 IPv6 wlc\n',
    );
  });
});

describe('a server line', () => {
  it('is cut to its column for IPv4 names and pushes the columns for IPv6', async () => {
    const names = ['10.9.0.1', 'fd00::5'];
    const renderEndpoint = await createNameRenderer(names, fakeResolver);
    const format = { ...plain, renderEndpoint };
    const long = service({}, '10.9.0.1');
    expect(renderService(long, [server({}, '10.9.0.1'), server({}, 'fd00::5')], format)).toBe(
      'TCP  a-very-long-name-of-a-real-s wlc\n' +
        '  -> a-very-long-name-of-a-real-s Route   1      0          0         \n' +
        '  -> [five.example.com]:http      Route   1      0          0         \n',
    );
    expect(renderSavedService(long, [server({}, '10.9.0.1')], renderEndpoint)).toBe(
      '-A -t a-very-long-name-of-a-real-server.example.com:http -s wlc\n' +
        '-a -t a-very-long-name-of-a-real-server.example.com:http' +
        ' -r a-very-long-name-of-a-real-server.example.com:http -g -w 1\n',
    );
    const ipv6 = 'fd00:1111:2222:3333:4444:5555:6666:7777';
    expect(lastLine(renderService(service(), [server({}, ipv6)], plain))).toBe(
      `  -> [${ipv6}]:80 Route   1      0          0`,
    );
  });

  it('keeps one blank between columns that overflow', () => {
    const busy = server({ activeConnections: 12345678901, inactiveConnections: 1 });
    const heavy = { ...busy, options: { ...busy.options, weight: 2147483647 } };
    expect(lastLine(renderService(service(), [heavy], plain))).toBe(
      '  -> 10.0.0.1:80                  Route   2147483647 12345678901 1',
    );
  });

  it('shortens no packet rate', () => {
    const rates = {
      connections: 123456789,
      inPackets: 1,
      outPackets: 2,
      inBytes: 123456789,
      outBytes: 0,
    };
    expect(lastLine(renderService(service(), [server({ rates })], { ...plain, view: 'rate' }))).toBe(
      '  -> 10.0.0.1:80                  123456789        1        2  123456K        0',
    );
  });
});

describe('connections', () => {
  const connection: ConnectionListing = {
    protocol: 'tcp',
    state: 'SYN_RECV',
    expiresSec: 59,
    client: { address: '192.168.20.2', port: 30002 },
    virtual: { address: '10.0.0.100', port: 5001 },
    server: { address: '10.0.0.2', port: 5001 },
  };

  it('are listed as ipvsadm lists them', () => {
    expect(renderConnectionsTitle(false) + renderConnection(connection, renderNumeric)).toBe(
      'IPVS connection entries\n' +
        'pro expire state       source             virtual            destination\n' +
        'TCP 00:59  SYN_RECV    192.168.20.2:30002 10.0.0.100:5001    10.0.0.2:5001\n',
    );
  });

  it('of a mark show it as an address', () => {
    const template: ConnectionListing = {
      ...connection,
      protocol: 'ip',
      state: 'NONE',
      expiresSec: 3600 * 3,
      client: { address: '192.168.1.1', port: 0 },
      virtual: { address: '0.0.0.5', port: 0 },
      server: { address: '10.0.0.3', port: 0 },
    };
    expect(renderConnection(template, renderNumeric)).toBe(
      'IP  180:00 NONE        192.168.1.1:0      0.0.0.5:0          10.0.0.3:0\n',
    );
  });

  it('of IPv6 have brackets', () => {
    const ipv6 = { ...connection, client: { address: 'fd00::1', port: 1 } };
    expect(renderConnection(ipv6, renderNumeric)).toContain(' [fd00::1]:1        10.0.0.100:5001');
  });
});
