/** Every real server is on the segment, and is sent to by direct routing. */
import { defineCheck } from '../check.ts';
import { here } from '../finding.ts';
import type { ServerView } from '../situation.ts';

interface Facts {
  readonly servers: readonly ServerView[];
}

const WORDS = { tunnel: 'tunnelling (-i)', masquerade: 'masquerading (-m)' } as const;

export const segment = defineCheck<Facts>({
  name: 'segment',
  fine: 'the real servers are on the segment, and sent to by direct routing',
  on: ['director'],
  finds: {
    'server-not-on-segment': {
      severity: 'problem',
      meaning: 'frames cannot go straight to a real server; it receives nothing',
    },
    'not-direct-routing': {
      severity: 'problem',
      meaning: 'a real server has -m or -i, which the director does not do; it receives nothing',
    },
  },
  collect: ({ parts: { servers } }) => ({ servers }),
  judge: ({ servers }) =>
    servers.flatMap(({ address, kind, state, services }) => [
      ...services
        .filter(() => kind === 'unreachable')
        .map(({ option, serverText }) => ({
          id: 'server-not-on-segment',
          what: `the real server ${address} receives nothing: move it to the segment, or take it out`,
          shown: state,
          fix: here(`diradm -d ${option} -r ${serverText}`),
        })),
      ...services
        .filter(({ forwarding }) => forwarding !== 'direct-route')
        .map(({ option, serverText, forwarding, kept }) => ({
          id: 'not-direct-routing',
          what: `the real server ${address} of ${option} receives nothing`,
          shown: `it is configured for ${WORDS[forwarding as keyof typeof WORDS]}`,
          fix: here(`diradm -e ${option} -r ${serverText} -g ${kept}`),
        })),
    ]),
});
