/**
 * What becomes of the director's interface: the link goes down and up, the interface is deleted and made again, is
 * renamed, gets another MTU or MAC. Each is followed, said in the log, and forwarding is back within two seconds.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { clientsOf } from '../helpers/clients.ts';
import {
  DATAPATHS,
  describeWithDirector,
  HOSTS,
  type HostName,
  type Lab,
  labs,
  makeInterfaceAnew,
  type RunningDirector,
  SOON,
  VIP,
  VIP6,
} from '../helpers/lab.ts';
import { Namespace } from '../helpers/netns.ts';

const { director, rs1, rs2 } = HOSTS;
const ALL_HOSTS = Object.keys(HOSTS) as HostName[];
const UDP_PORT = 5300;
const RULES = [
  `-A -t ${VIP}:80 -s rr`,
  `-a -t ${VIP}:80 -r ${rs1.ipv4}:80 -g -w 1`,
  `-a -t ${VIP}:80 -r ${rs2.ipv4}:80 -g -w 1`,
  `-A -u ${VIP}:${UDP_PORT} -s rr`,
  `-a -u ${VIP}:${UDP_PORT} -r ${rs1.ipv4}:${UDP_PORT} -g -w 1`,
];
const CLIENT_PROGRAM = join(import.meta.dirname, 'programs/udp-client.mjs');
const OTHER_MAC = '02:00:00:00:88:88';

describeWithDirector("what becomes of the director's interface", [], () => {
  describe.each(DATAPATHS)('over %s', (datapath) => {
    const { create } = labs();
    let lab: Lab;
    let running: RunningDirector;

    beforeAll(async () => {
      lab = await create(`interface-${datapath}`);
      const rulesPath = join(lab.folder, 'rules');
      writeFileSync(rulesPath, `${RULES.join('\n')}\n`);
      running = await lab.startDirector(datapath, '--rules', rulesPath);
    });
    beforeEach(() => expect.poll(() => lab.page(`http://${VIP}/`), SOON).toMatch(/^172/));

    const { whileProbingAndWatching, whileTalking } = clientsOf(
      () => lab,
      () => running,
    );
    const ip = (...args: string[]) => lab.must('director', 'ip', args);
    const inDirector = (...command: [string, ...string[]]) =>
      lab.must('director', command[0], command.slice(1));
    const status = () => lab.client.readStatus();
    const isWaiting = async () => {
      await expect.poll(async () => (await status()).interface.up, SOON).toBe(false);
      expect((await status()).datapath.state).toBe('waiting for the interface');
    };
    const aboutInterface = (said: readonly string[]) => said.filter((message) => message.startsWith('eth0:'));

    const flap = {
      'the link is set down and up': {
        down: () => inDirector('ip', 'link', 'set', 'eth0', 'down'),
        up: () => inDirector('ip', 'link', 'set', 'eth0', 'up'),
      },
      'the cable is pulled and put back': {
        down: () => lab.script('unplug', 'director'),
        up: () => lab.script('plug', 'director'),
      },
    };

    test.each(Object.entries(flap))(
      '%s: connections go on, and two lines say why they paused',
      async (_name, { down, up }) => {
        const { pid, restarts } = (await status()).datapath;
        await whileTalking(async () => {
          const { said } = await whileProbingAndWatching(async () => {
            await down();
            await isWaiting();
            await up();
          });
          expect(said.filter((message) => message.includes('eth0: the link'))).toEqual([
            'eth0: the link is down; waiting for it',
            'eth0: the link is up; forwarding',
          ]);
        });
        // cap without its assertions lives through it; where it does not, the next process has taken over.
        expect((await status()).datapath).toMatchObject({ pid, restarts });
      },
    );

    test('it is deleted and made again: it is made fit, and forwarding resumes', async () => {
      const { said } = await whileProbingAndWatching(async () => {
        await ip('link', 'delete', 'eth0');
        await isWaiting();
        await makeInterfaceAnew(lab);
        const vips = ['--vip', VIP, '--vip', VIP6];
        const own = ['--address', `${director.ipv4}/24`, '--address', `${director.ipv6}/64`];
        await inDirector('director-up', '--interface', 'eth0', ...own, ...vips);
      });
      expect(aboutInterface(said)).toEqual(
        expect.arrayContaining([
          'eth0: the interface is gone; waiting for it to return',
          'eth0: the interface is back; making it fit again',
          'eth0: the link is up; forwarding',
        ]),
      );
      expect(await inDirector('ethtool', '-k', 'eth0')).toMatch(/^large-receive-offload: off/m);
      if (datapath !== 'xdp')
        expect(await inDirector('nft', 'list', 'ruleset')).toMatch(
          /hook ingress device "?eth0"?[^}]*|devices = \{ "?eth0"? \}/,
        );
    });

    test('it is renamed: nothing is forwarded until there is one of its name again', async () => {
      // Before Linux 6.2 a link that is up keeps its name.
      const rename = (from: string, to: string) =>
        lab.namespace('director').sh(`
          ip link set ${from} down
          ip link set ${from} name ${to}
          ip link set ${to} up`);
      const { said } = await whileProbingAndWatching(async () => {
        await rename('eth0', 'lan7');
        await isWaiting();
        await expect.poll(() => lab.page(`http://${VIP}/`, '-m', '0.3'), SOON).not.toMatch(/^172/);
        await rename('lan7', 'eth0');
      });
      expect(aboutInterface(said)).toEqual([
        'eth0: the link is down; waiting for it',
        'eth0: the interface was renamed to lan7; waiting for one of its old name',
        'eth0: the interface is back; making it fit again',
        'eth0: the link is up; forwarding',
      ]);
    });

    test('it gets another MTU: longer frames go on whole, and then no longer', async () => {
      const server = await lab.program('rs1', 'udp-server.mjs', 'rs1', VIP, `${UDP_PORT}`);
      const text = 'x'.repeat(3000);
      const answer = [`rs1 got ${text} 0`];
      const ask = async () =>
        JSON.parse(
          await lab.must('client', process.execPath, [CLIENT_PROGRAM, VIP, `${UDP_PORT}`, '1', text]),
        );
      const lan = new Namespace(`${lab.name}-lan`);
      const setMtu = async (bytes: number) => {
        for (const host of ALL_HOSTS) {
          await lan.must('ip', ['link', 'set', host, 'mtu', `${bytes}`]);
          await lab.must(host, 'ip', ['link', 'set', 'eth0', 'mtu', `${bytes}`]);
        }
      };
      const { said } = await whileProbingAndWatching(() => setMtu(4000));
      expect(aboutInterface(said)).toEqual(['eth0: the MTU changed to 4000']);
      expect((await status()).interface.mtu).toBe(4000);
      const { DropTransmit = 0 } = (await status()).verdicts;
      expect(await ask()).toEqual(answer);
      expect((await status()).verdicts.DropTransmit ?? 0).toBe(DropTransmit);
      await setMtu(1500);
      // In fragments.
      expect(await ask()).toEqual(answer);
      await server.end();
    });

    test('it gets another MAC, of which the kernel tells the neighbours', async () => {
      await inDirector('sysctl', '-qw', 'net.ipv4.conf.eth0.arp_notify=1');
      const setMac = (mac: string) => ip('link', 'set', 'eth0', 'address', mac);
      const { said } = await whileProbingAndWatching(() => setMac(OTHER_MAC));
      expect(said).toContain(`eth0: the MAC address changed to ${OTHER_MAC}; going on with it`);
      expect(said.filter((message) => message.includes('claims the virtual address'))).toEqual([]);
      expect((await status()).interface.mac).toBe(OTHER_MAC);
      await setMac(director.mac);
      await expect.poll(() => lab.page(`http://${VIP}/`, '-m', '0.3'), SOON).toMatch(/^172/);
    });
  });
});
