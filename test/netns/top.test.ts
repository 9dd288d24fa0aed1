/** `director top` in a real terminal, at a director that forwards: looked at, typed at, interrupted. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  describeWithDirector,
  HOSTS,
  type Lab,
  labs,
  type RunningDirector,
  SOON,
  VIP,
} from '../helpers/lab.ts';
import { Terminal } from '../helpers/terminal.ts';

describeWithDirector('director top', ['tmux'], () => {
  const { create } = labs();
  const terminals: Terminal[] = [];
  let lab: Lab;
  let director: RunningDirector;

  beforeAll(async () => {
    lab = await create('top');
    director = await lab.startDirector('ring');
    await lab.configure(
      `-A -t ${VIP}:80 -s rr`,
      `-a -t ${VIP}:80 -r ${HOSTS.rs1.ipv4} -g`,
      `-a -t ${VIP}:80 -r ${HOSTS.rs2.ipv4} -g -w 2`,
      `-A -u ${VIP}:53 -s rr`,
    );
  });
  afterAll(async () => {
    for (const terminal of terminals) terminal.close();
    await director.stop();
  });

  function open(...options: string[]): Terminal {
    // CI makes ink draw nothing, where it is not told better.
    const env = { DIRECTOR_SOCKET: lab.socketPath, CI: 'true' };
    const program = `${lab.folder}/bin/director`;
    const terminal = new Terminal([program, 'top', '--interval', '0.2', ...options], { env });
    terminals.push(terminal);
    return terminal;
  }

  const shows = (terminal: Terminal, text: string | RegExp) =>
    expect.poll(() => terminal.screen(), SOON).toMatch(text);
  const drained = async () => {
    const { services } = await lab.client.readHealth();
    return services.flatMap(({ servers }) =>
      servers.flatMap(({ server, drained }) => (drained ? [server.address] : [])),
    );
  };

  test('shows traffic, drains a server after a question and takes it back', async () => {
    const terminal = open();
    await shows(terminal, `> tcp ${VIP}:80`);
    expect(terminal.isAlternateScreen).toBe(true);
    expect(terminal.screen()).toContain('no servers');
    await lab.run('client', 'sh', [
      '-c',
      `for i in 1 2 3 4 5 6 7 8 9 10; do curl -s -m 3 http://${VIP}/; done`,
    ]);
    await shows(terminal, /10 of 1,048,576 connections/);

    terminal.type('Enter');
    await shows(terminal, `Servers of tcp ${VIP}:80`);
    await shows(terminal, HOSTS.rs2.ipv4);
    terminal.type('j', 'd');
    await shows(terminal, `Drain ${HOSTS.rs2.ipv4}:80 of tcp ${VIP}:80: no new connections?`);
    expect(await drained()).toEqual([]);
    terminal.type('y');
    await shows(terminal, new RegExp(`> ${HOSTS.rs2.ipv4}:80 +drained`));
    expect(await drained()).toEqual([HOSTS.rs2.ipv4]);
    terminal.type('u', 'y');
    await shows(terminal, new RegExp(`> ${HOSTS.rs2.ipv4}:80 +up|> ${HOSTS.rs2.ipv4}:80 +unchecked`));
    expect(await drained()).toEqual([]);

    terminal.type('v');
    await shows(terminal, /Forward +\d/);
    terminal.resize(40, 15);
    await shows(terminal, /director .*…/);
    terminal.type('q');
    await expect.poll(() => terminal.exitCode, SOON).toBe(0);
    expect(terminal.isAlternateScreen).toBe(false);
    expect(terminal.screen()).not.toContain('Forward');
  });

  test('tells that the daemon is away, and goes on when it is back', async () => {
    const terminal = open();
    await shows(terminal, 'by connections/s');
    await director.stop();
    await shows(terminal, /no answer since \d\d:\d\d:\d\d, \d+ s ago: no director answers/);
    director = await lab.startDirector('ring');
    await shows(terminal, 'there are no services');
    expect(terminal.screen()).not.toContain('no answer');
  });

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'leaves the screen as it was after %s',
    async (signal) => {
      const terminal = open();
      await shows(terminal, 'by connections/s');
      process.kill(terminal.pid, signal);
      await expect.poll(() => terminal.exitCode, SOON).toBe(0);
      expect(terminal.isAlternateScreen).toBe(false);
    },
  );

  test('says what it needs where there is no terminal, or no daemon', async () => {
    const piped = await lab.run('director', 'director', ['top']);
    expect(piped).toMatchObject({ code: 2, stdout: '' });
    expect(piped.stderr).toMatch(/^director: director top needs a terminal/);
    const terminal = open('--socket', '/nowhere');
    await expect.poll(() => terminal.exitCode, SOON).toBe(1);
    expect(terminal.screen()).toContain('no director answers on /nowhere');
    const wrong = open('--interval', '0');
    await expect.poll(() => wrong.exitCode, SOON).toBe(2);
    expect(wrong.screen()).toMatch(/expected\s+seconds,\s+0\.2\s+to\s+3600/);
  });
});
