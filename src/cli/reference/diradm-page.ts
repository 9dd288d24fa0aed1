/** What the manual page of `diradm` says besides its options. */
import type { Prose } from './man.ts';

export const DIRADM_PAGE: Prose = {
  summary: "ipvsadm's command line, for the director",
  description: `diradm lists and changes the virtual services and real servers of director(8). It takes the command lines of ipvsadm 1.31 and prints what ipvsadm prints; called by the name ipvsadm it is ipvsadm.

A command stands first, in its short or in its long form; its options follow. Short forms may be written together: -Ln is -L -n. Addresses are ADDRESS:PORT, those of IPv6 [ADDRESS]:PORT.

Only direct routing (-g) is forwarded. Changes take effect at once, for the next connection.`,
  files: [['/run/director/director.sock', "The director's control socket."]],
  environment: [
    ['DIRECTOR_SOCKET', 'The control socket, if it is another one.'],
    ['DIRADM_NAME', 'The name under which diradm speaks, for wrappers.'],
  ],
  exitStatus: [
    ['0', 'It is done.'],
    ['1', '-L: there is no such service.'],
    ['2', 'A value or a combination of options is refused, or no director answers.'],
    ['255', 'An option is not known, or the director refused the change.'],
  ],
  examples: [
    {
      text: 'A virtual service with two real servers:',
      command:
        'diradm -A -t 10.0.0.100:80 -s wlc\n' +
        'diradm -a -t 10.0.0.100:80 -r 10.0.0.11 -g\n' +
        'diradm -a -t 10.0.0.100:80 -r 10.0.0.12 -g -w 2',
    },
    {
      text: 'What there is, how much of it, and who has a connection:',
      command: 'diradm -Ln\ndiradm -Ln --stats\ndiradm -Lnc',
    },
    { text: 'Save all, and have it again:', command: 'diradm -Sn\ndiradm -R' },
  ],
  seeAlso: ['director(8)', 'ipvsadm(8)'],
};
