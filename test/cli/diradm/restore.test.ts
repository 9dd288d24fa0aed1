import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FakeDaemon } from './fake-daemon.ts';
import { createInProcessTransport } from './run-in-process.ts';

const SERVICE = '-A -t 10.0.0.1:80 -s rr\n';

function start() {
  const daemon = new FakeDaemon();
  return { daemon, run: createInProcessTransport(daemon) };
}

describe('-R', () => {
  it('sends edits that follow each other in one request', async () => {
    const { daemon, run } = start();
    const servers = Array.from({ length: 50 }, (_, i) => `-a -t 10.0.0.1:80 -r 10.0.1.${i}\n`).join('');
    expect(await run({ args: ['-R'], stdin: SERVICE + servers })).toEqual({
      stdout: '',
      stderr: '',
      exit: 0,
    });
    expect(daemon.editsPerRequest).toEqual([51]);
  });

  it('shows a listing between edits what came before it', async () => {
    const { daemon, run } = start();
    const stdin = `${SERVICE}-S -n\n-D -t 10.0.0.1:80\n-S -n\n`;
    expect(await run({ args: ['-R'], stdin })).toEqual({ stdout: SERVICE, stderr: '', exit: 0 });
    expect(daemon.editsPerRequest).toEqual([1, 1]);
  });

  it('goes on after what the daemon refuses; the last line decides the exit code', async () => {
    const { run } = start();
    const stdin = `${SERVICE}${SERVICE}-a -t 10.0.0.2:80 -r 10.0.0.3\n-A -u 10.0.0.1:53\n`;
    expect(await run({ args: ['-R'], stdin })).toEqual({
      stdout: '',
      stderr: 'Service already exists\nService not defined\n',
      exit: 0,
    });
    expect((await run({ args: ['-R'], stdin: SERVICE })).exit).toBe(255);
  });

  it('goes on after what the option parser refuses', async () => {
    const { run } = start();
    const stdin = `-A -t 10.0.0.9:80 -s\n${SERVICE}`;
    expect(await run({ args: ['-R'], stdin })).toEqual({
      stdout: '',
      stderr: '-s: missing argument\n',
      exit: 0,
    });
  });

  it.each([
    ['-A -t 10.0.0.9:80 -p x', "invalid timeout value `x' specified", 2],
    ['# comment', "Try `ipvsadm -h' or 'ipvsadm --help' for more information.", 255],
    ['-R', "Try `ipvsadm -h' or 'ipvsadm --help' for more information.", 255],
    ['-Ln -t 10.0.0.9:80', 'No such service', 1],
  ])('ends at the line %s, having carried out those before it', async (line, message, exit) => {
    const { daemon, run } = start();
    const stdin = `${SERVICE}${line}\n-A -t 10.0.0.2:80\n`;
    expect(await run({ args: ['-R'], stdin })).toEqual({ stdout: '', stderr: `${message}\n`, exit });
    expect([...daemon.configuration.services.keys()]).toEqual(['tcp 10.0.0.1:80']);
  });

  it('takes lines with a program name, tabs, carriage returns, and a last one without newline', async () => {
    const { daemon, run } = start();
    const stdin = 'ipvsadm -A -t 10.0.0.1:80\r\n\n \t\ndiradm -A\t-t 10.0.0.2:80\n-A -t 10.0.0.3:80  ';
    expect(await run({ args: ['-R'], stdin })).toEqual({ stdout: '', stderr: '', exit: 0 });
    expect(daemon.configuration.services.size).toBe(3);
  });
});

describe('-S', () => {
  const number = (max: number) => fc.integer({ min: 0, max });
  const ipv4 = fc.tuple(fc.integer({ min: 1, max: 126 }), number(255), number(255), number(255));
  const address = ipv4.map((parts) => parts.join('.'));
  const port = fc.integer({ min: 1, max: 65535 });
  const scheduler = fc.constantFrom('rr', 'wrr', 'lc', 'sh -b sh-port', 'mh -b mh-fallback', 'wlc -b flag-2');
  const persistence = fc.constantFrom('', '-p', '-p 60 -M 255.255.255.0');
  const forwarding = fc.constantFrom('-g', '-m', '-i', '-i --tun-type gre --tun-csum');
  const serviceName = fc.oneof(
    fc
      .tuple(fc.constantFrom('-t', '-u', '--sctp-service'), address, port)
      .map(([o, a, p]) => `${o} ${a}:${p}`),
    fc.integer({ min: 1, max: 0x7fffffff }).map((mark) => `-f ${mark}`),
    port.map((p) => `-t [fd00::${p.toString(16)}]:80`),
  );
  const table = fc.array(
    fc.tuple(serviceName, scheduler, persistence, fc.array(fc.tuple(address, port, forwarding, number(99)))),
  );

  it('prints lines that make the same table again', async () => {
    await fc.assert(
      fc.asyncProperty(table, async (services) => {
        const { run } = start();
        const lines = services.flatMap(([name, scheduled, persistent, servers]) => [
          `-A ${name} -s ${scheduled} ${name.includes('[') ? '' : persistent}`,
          ...servers.map(([a, p, method, weight]) => `-a ${name} -r ${a}:${p} ${method} -w ${weight}`),
        ]);
        await run({ args: ['-R'], stdin: lines.join('\n') });
        const before = await run({ args: ['-Ln', '--tun-info'] });
        const saved = await run({ args: ['-Sn'] });
        await run({ args: ['-C'] });
        expect(await run({ args: ['-R'], stdin: saved.stdout })).toEqual({ stdout: '', stderr: '', exit: 0 });
        expect(await run({ args: ['-Ln', '--tun-info'] })).toEqual(before);
      }),
      { numRuns: 60 },
    );
  });
});
