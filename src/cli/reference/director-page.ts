/** What the manual page of `director` says besides its options. */
import type { Prose } from './man.ts';

export const DIRECTOR_PAGE: Prose = {
  summary: 'direct-routing load balancer for Linux',
  description: `director shows clients one IP address, chooses one of many real servers for each connection, and sends the frame on with another MAC address; the server answers the client directly. That is what Linux Virtual Server does with ipvsadm -g, without the IPVS kernel module.

director run is the daemon. All other commands ask it, through its control socket: they need root, or membership in the group director. Virtual services and real servers are configured with diradm(8), which takes ipvsadm's command lines, or by a file.

Addresses are written as 10.0.0.1, 10.0.0.1:80, fd00::1 or [fd00::1]:80.`,
  files: [
    ['/run/director/director.sock', 'The control socket: HTTP with JSON.'],
    ['/etc/default/director', 'The interface and the options of director run, for systemd.'],
    ['/sys/fs/bpf/director/', 'What the xdp datapath keeps in the kernel, a folder for each interface.'],
    ['/usr/local/lib/director/', 'What the programs consist of.'],
  ],
  environment: [
    ['DIRECTOR_SOCKET', 'The control socket, if it is another one; --socket goes before it.'],
    ['DIRECTOR_BPFFS', 'Another folder for what the xdp datapath pins, instead of /sys/fs/bpf/director.'],
    ['NO_COLOR', 'If it is set: no colours.'],
  ],
  exitStatus: [
    ['0', 'It is done.'],
    ['1', 'It could not be done: no daemon answers, a tool failed. One line on standard error says what.'],
    ['2', 'The caller can mend it: a wrong option, a bad file, no such interface, no right.'],
    ['3', 'apply: there is something to change, and it was not changed.'],
  ],
  examples: [
    {
      text: 'Run the daemon in the foreground, with the services of a file:',
      command: 'director run --interface eth0 --rules /etc/director.rules',
    },
    { text: 'See whether it works, then how much goes where:', command: 'director status\ndirector top' },
    {
      text: 'Check the servers of a service, and look at what the checks say:',
      command: 'director check -t 10.0.0.100:80 http --path /health\ndirector health',
    },
    {
      text: 'Empty a real server before work on it, and take it back:',
      command: 'director drain 10.0.0.11 --timeout 10m\ndirector undrain 10.0.0.11',
    },
    {
      text: 'See what a file would change, then make it so:',
      command: 'director apply --dry-run /etc/director.yaml\ndirector apply /etc/director.yaml',
    },
  ],
  seeAlso: ['diradm(8)', 'ipvsadm(8)', 'ip(8)'],
};
