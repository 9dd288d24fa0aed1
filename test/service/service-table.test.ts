/** Which service a packet is for, and what a new table takes over from the one before. */
import { describe, expect, test } from 'vitest';
import {
  applyEdit,
  type Configuration,
  EMPTY_CONFIGURATION,
  serviceKey,
} from '../../src/service/configuration.ts';
import type { Edit } from '../../src/service/model.ts';
import type { RealServer } from '../../src/service/real-server.ts';
import { ServerRegistry } from '../../src/service/server-registry.ts';
import { ServiceTable } from '../../src/service/service-table.ts';
import type { Scheduler, ServerChange } from '../../src/service/virtual-service.ts';
import { parseIp } from '../../src/wire/address.ts';
import { IpProtocol } from '../../src/wire/ipv4.ts';
import { Packet } from '../../src/wire/packet.ts';
import {
  addServer,
  addService,
  deleteServer,
  deleteService,
  editServer,
  editService,
  serviceAddress,
} from '../helpers/edits.ts';

const VIP = '10.0.0.100';
const WEB = `tcp ${VIP}:80`;
const A = '10.0.0.11:80';
const B = '10.0.0.12:80';

/** A scheduler that writes down what it is told. */
class NotingScheduler implements Scheduler {
  readonly changes: ServerChange[] = [];
  choose(): RealServer | undefined {
    return undefined;
  }
  serversChanged(_servers: readonly RealServer[], change: ServerChange): void {
    this.changes.push(change);
  }
}

/** Configuration, registry and table, as a session has them. */
class Services {
  readonly registry = new ServerRegistry();
  table = ServiceTable.empty();
  made = 0;
  private configuration: Configuration = EMPTY_CONFIGURATION;

  edit(...edits: readonly Edit[]): this {
    for (const edit of edits) {
      this.configuration = applyEdit(this.configuration, edit);
      this.table = this.table.next(this.configuration, this.registry, (name) => {
        this.made++;
        return name === 'none' ? undefined : new NotingScheduler();
      });
    }
    return this;
  }

  service(name: string) {
    return this.table.get(serviceAddress(name))!;
  }

  server(name: string, server: string): RealServer {
    return this.service(name).servers.find(({ address }) => `${address.address}:${address.port}` === server)!;
  }

  changesOf(name: string): string[] {
    return (this.service(name).scheduler as NotingScheduler).changes.map(
      (change) => change.kind + (change.kind === 'removed' ? ` ${change.index}` : ''),
    );
  }
}

function packetTo(protocol: number, address: string, port: number): Packet {
  const ip = parseIp(address)!;
  const [virtual0, virtual1, virtual2, virtual3] = ip.words;
  const ends = { virtual0, virtual1, virtual2, virtual3, virtualPort: port, hasPorts: true };
  return Object.assign(new Packet(), { ipVersion: ip.version, protocol, ...ends });
}

const { Tcp, Udp, Sctp } = IpProtocol;

describe('match()', () => {
  const matchIn = (names: readonly string[], persistentSec = 0) => {
    const { table } = new Services().edit(...names.map((name) => addService(name, { persistentSec })));
    return (protocol: number, address: string, port: number): string | undefined => {
      const found = table.match(packetTo(protocol, address, port));
      return found && serviceKey(found.address);
    };
  };

  test('finds address, port and protocol together, in both families', () => {
    const names = [
      WEB,
      `udp ${VIP}:80`,
      `sctp ${VIP}:80`,
      'tcp 10.0.0.101:80',
      'tcp [fd00::100]:80',
      'udp [fd00::100]:53',
    ];
    const match = matchIn(names);
    expect(match(Tcp, VIP, 80)).toBe(WEB);
    expect(match(Udp, VIP, 80)).toBe(`udp ${VIP}:80`);
    expect(match(Sctp, VIP, 80)).toBe(`sctp ${VIP}:80`);
    expect(match(Tcp, '10.0.0.101', 80)).toBe('tcp 10.0.0.101:80');
    expect(match(Tcp, 'fd00::100', 80)).toBe('tcp [fd00::100]:80');
    expect(match(Udp, 'fd00::100', 53)).toBe('udp [fd00::100]:53');
    for (const [protocol, address, port] of [
      [Tcp, VIP, 81],
      [Udp, '10.0.0.101', 80],
      [Tcp, 'fd00::101', 80],
      [Tcp, 'fd00:0:0:1::100', 80],
      [Sctp, 'fd00::100', 80],
    ] as const) {
      expect(match(protocol, address, port)).toBeUndefined();
    }
  });

  test('of nothing is nothing', () => {
    expect(ServiceTable.empty().match(packetTo(Tcp, VIP, 80))).toBeUndefined();
  });

  test('an IPv4 service is not one of the IPv6 address with the same first word', () => {
    expect(matchIn([`tcp ${VIP}:80`])(Tcp, 'a00:64::', 80)).toBeUndefined();
    expect(matchIn(['tcp [a00:64::]:80'])(Tcp, VIP, 80)).toBeUndefined();
  });

  test('the persistent FTP service takes port 20 and the unprivileged ones of its address', () => {
    const match = matchIn([`tcp ${VIP}:21`, `tcp ${VIP}:8080`], 300);
    const ftp = `tcp ${VIP}:21`;
    const found = [20, 21, 22, 1023, 1024, 50_000, 65_535, 8080].map((port) => match(Tcp, VIP, port));
    expect(found).toEqual([ftp, ftp, undefined, undefined, ftp, ftp, ftp, `tcp ${VIP}:8080`]);
    expect(match(Udp, VIP, 50_000)).toBeUndefined();
    expect(match(Tcp, '10.0.0.101', 50_000)).toBeUndefined();
  });

  test('a persistent service of port 0 takes what no other service takes', () => {
    const match = matchIn([`tcp ${VIP}:0`, WEB, `tcp ${VIP}:21`], 300);
    expect([80, 81, 21, 1023, 50_000].map((port) => match(Tcp, VIP, port))).toEqual([
      WEB,
      `tcp ${VIP}:0`,
      `tcp ${VIP}:21`,
      `tcp ${VIP}:0`,
      `tcp ${VIP}:21`,
    ]);
    expect(match(Udp, VIP, 81)).toBeUndefined();
  });

  test('without persistence both take their own port alone', () => {
    const match = matchIn([`tcp ${VIP}:21`, `tcp ${VIP}:0`]);
    expect([20, 21, 1024, 50_000].map((port) => match(Tcp, VIP, port))).toEqual([
      undefined,
      `tcp ${VIP}:21`,
      undefined,
      undefined,
    ]);
  });

  test('finds each of 2,000 services', () => {
    const names = Array.from(
      { length: 2000 },
      (_, index) => `tcp 10.0.${index >> 8}.${index & 255}:${80 + (index % 3)}`,
    );
    const services = new Services();
    const configuration = names.map((name) => addService(name)).reduce(applyEdit, EMPTY_CONFIGURATION);
    const table = services.table.next(configuration, services.registry, () => undefined);
    for (const [index, name] of names.entries()) {
      const found = table.match(packetTo(Tcp, `10.0.${index >> 8}.${index & 255}`, 80 + (index % 3)));
      if (found === undefined || serviceKey(found.address) !== name) throw new Error(`${name} is not found`);
    }
  });

  test('fwmark services are listed and match no address', () => {
    const { table } = new Services().edit(addService('fwmark 1'));
    expect(table.get(serviceAddress('fwmark 1'))).toBeDefined();
    expect(table.match(packetTo(Tcp, '0.0.0.1', 0))).toBeUndefined();
  });
});

describe('a new table', () => {
  test('has the very services that did not change', () => {
    const services = new Services().edit(addService(WEB), addServer(WEB, A), addService(`udp ${VIP}:53`));
    const [web, dns] = [services.service(WEB), services.service(`udp ${VIP}:53`)];
    services.edit(addServer(`udp ${VIP}:53`, B));
    expect(services.service(WEB)).toBe(web);
    expect(services.service(`udp ${VIP}:53`)).not.toBe(dns);
    expect(services.service(`udp ${VIP}:53`).scheduler).toBe(dns.scheduler);
    expect(services.made).toBe(2);
  });

  test('keeps server objects, their load and the counters of the service through edits', () => {
    const services = new Services().edit(addService(WEB), addServer(WEB, A));
    const server = services.server(WEB, A);
    server.activeConnections = 5;
    services.service(WEB).traffic.connections = 9;
    services.edit(
      editServer(WEB, A, { weight: 3 }),
      addServer(WEB, B),
      editService(WEB, { persistentSec: 60 }),
    );
    expect(services.server(WEB, A)).toBe(server);
    expect([server.weight, server.activeConnections]).toEqual([3, 5]);
    expect(services.service(WEB).traffic.connections).toBe(9);
  });

  test('tells a scheduler what changed, and binds a new one', () => {
    const services = new Services().edit(
      addService(WEB),
      addServer(WEB, A),
      addServer(WEB, B),
      editServer(WEB, A, { weight: 2 }),
      deleteServer(WEB, A),
    );
    expect(services.changesOf(WEB)).toEqual(['begun', 'added', 'added', 'updated', 'removed 1']);
    services.edit(editService(WEB, { scheduler: 'rr', schedulerFlags: 1 }));
    expect(services.changesOf(WEB)).toEqual(['bound']);
    services.edit(editService(WEB, { scheduler: 'none' }));
    expect(services.service(WEB).scheduler).toBeUndefined();
  });

  test('the old one still matches as before: a batch under way is not disturbed', () => {
    const services = new Services().edit(addService(WEB), addServer(WEB, A));
    const before = services.table;
    services.edit(deleteService(WEB));
    expect(before.match(packetTo(Tcp, VIP, 80))!.servers).toHaveLength(1);
    expect(services.table.match(packetTo(Tcp, VIP, 80))).toBeUndefined();
  });
});

describe('a server that was deleted', () => {
  const listed = () => {
    const services = new Services().edit(addService(WEB), addServer(WEB, A));
    const server = services.server(WEB, A);
    server.inactiveConnections = 3;
    server.traffic.inPackets = 7;
    return { services, server };
  };

  test('is not listed, and stays known to its connections', () => {
    const { services, server } = listed();
    services.edit(deleteServer(WEB, A));
    expect(server.isListed).toBe(false);
    expect(services.registry.get(server.id)).toBe(server);
  });

  test.each([
    ['its service again', 'traffic', 7, [deleteServer(WEB, A), addServer(WEB, A, { weight: 9 })]],
    [
      'its service again, which was deleted too',
      'no traffic (ip_vs_ctl.c, __ip_vs_update_dest())',
      0,
      [deleteService(WEB), addService(WEB), addServer(WEB, A, { weight: 9 })],
    ],
    [
      'its service again after a flush',
      'no traffic',
      0,
      [{ op: 'flush' } as const, addService(WEB), addServer(WEB, A, { weight: 9 })],
    ],
  ] as const)('added to %s comes back with its connections and %s', (_name, _traffic, inPackets, edits) => {
    const { services, server } = listed();
    services.edit(...edits);
    const back = services.server(WEB, A);
    expect(back).toBe(server);
    expect([back.isListed, back.weight, back.inactiveConnections, back.traffic.inPackets]).toEqual([
      true,
      9,
      3,
      inPackets,
    ]);
    expect(back.serviceTraffic).toBe(services.service(WEB).traffic);
  });

  test('is another one at another port or service', () => {
    const { services, server } = listed();
    services.edit(
      deleteServer(WEB, A),
      addServer(WEB, '10.0.0.11:81'),
      addService(`tcp ${VIP}:81`),
      addServer(`tcp ${VIP}:81`, A),
    );
    expect(services.server(WEB, '10.0.0.11:81')).not.toBe(server);
    expect(services.server(`tcp ${VIP}:81`, A)).not.toBe(server);
  });

  /** Seconds of the fake clock, as often as the datapath looks. */
  const passes = (services: Services, fromSec: number, toSec: number): void => {
    for (let sec = fromSec; sec <= toSec; sec++) services.registry.collect(sec * 100);
  };

  test('is forgotten two minutes after its last connection, and its number is given again', () => {
    const { services, server } = listed();
    passes(services, 0, 10);
    services.edit(deleteServer(WEB, A));
    passes(services, 11, 500);
    expect(services.registry.get(server.id)).toBe(server);
    server.inactiveConnections = 0;
    passes(services, 501, 619);
    expect(services.registry.get(server.id)).toBe(server);
    passes(services, 620, 621);
    expect([...services.registry]).toEqual([]);
    services.edit(addServer(WEB, A));
    const other = services.server(WEB, A);
    expect(other).not.toBe(server);
    expect([other.id, other.inactiveConnections]).toEqual([server.id, 0]);
  });

  test('knows the MAC that was found for its address while it was away, and so does a new one', () => {
    const { services, server } = listed();
    services.edit(deleteServer(WEB, A));
    const reach = { kind: 'neighbor', mac: { high: 0x0200, low: 0x0b } } as const;
    services.registry.setNextHop('10.0.0.11', reach);
    services.edit(
      addServer(WEB, A),
      addService(`tcp ${VIP}:443`),
      addServer(`tcp ${VIP}:443`, '10.0.0.11:443'),
    );
    expect(server.reach).toEqual(reach);
    expect(services.server(`tcp ${VIP}:443`, '10.0.0.11:443').reach).toEqual(reach);
  });
});

describe('thresholds', () => {
  const overloadedAt = (upperThreshold: number, lowerThreshold: number): { above: number; below: number } => {
    const services = new Services().edit(
      addService(WEB),
      addServer(WEB, A, { upperThreshold, lowerThreshold }),
    );
    const server = services.server(WEB, A);
    const step = (count: number) => {
      server.inactiveConnections = count;
      server.updateOverload();
      return server.isOverloaded;
    };
    let above = 0;
    while (!step(above)) above++;
    let below = above;
    while (step(below)) below--;
    return { above, below };
  };

  // What the kernel did with these, ipvs-semantics: overloaded when the total reaches the upper one, and until below.
  test.each([
    [4, 0, { above: 4, below: 2 }],
    [4, 2, { above: 4, below: 1 }],
    [1, 0, { above: 1, below: 0 }],
    [5, 0, { above: 5, below: 3 }],
    [3, 3, { above: 3, below: 2 }],
  ])('upper %d, lower %d', (upper, lower, expected) => expect(overloadedAt(upper, lower)).toEqual(expected));

  test('edited: judged at once, kept in between, cleared by 0', () => {
    const services = new Services().edit(addService(WEB), addServer(WEB, A));
    const server = services.server(WEB, A);
    server.activeConnections = 5;
    const overloadedAfter = (upperThreshold: number, lowerThreshold: number) => {
      services.edit(editServer(WEB, A, { upperThreshold, lowerThreshold }));
      return server.isOverloaded;
    };
    expect([
      overloadedAfter(5, 0),
      overloadedAfter(8, 2),
      overloadedAfter(8, 6),
      overloadedAfter(8, 2),
      overloadedAfter(5, 5),
      overloadedAfter(0, 0),
    ]).toEqual([true, true, false, false, true, false]);
  });

  test('the last weight that was not 0 is remembered', () => {
    const services = new Services().edit(
      addService(WEB),
      addServer(WEB, A, { weight: 4 }),
      editServer(WEB, A, { weight: 0 }),
    );
    expect([services.server(WEB, A).weight, services.server(WEB, A).lastWeight]).toEqual([0, 4]);
  });
});

describe('forwarding methods', () => {
  test('other than direct routing reach nothing, and come back to it', () => {
    const services = new Services().edit(addService(WEB), addServer(WEB, A, { forwarding: 'tunnel' }));
    const reach = { kind: 'neighbor', mac: { high: 0x0200, low: 0x0b } } as const;
    services.registry.setNextHop('10.0.0.11', reach);
    expect(services.server(WEB, A).reach.kind).toBe('unreachable');
    services.edit(editServer(WEB, A));
    expect(services.server(WEB, A).reach).toEqual(reach);
    services.edit(editServer(WEB, A, { forwarding: 'masquerade' }));
    expect(services.server(WEB, A).reach.kind).toBe('unreachable');
  });
});
