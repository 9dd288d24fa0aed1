/** Link types of capture files: https://www.tcpdump.org/linktypes.html. We read Ethernet only. */
import { DirectorError } from '../errors.ts';

export const LINK_TYPE_ETHERNET = 1;

/** Those that people meet. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [0, 'BSD loopback'],
  [101, 'raw IP'],
  [105, 'IEEE 802.11'],
  [113, 'Linux cooked, of tcpdump -i any'],
  [127, 'radiotap'],
  [228, 'raw IPv4'],
  [229, 'raw IPv6'],
  [276, 'Linux cooked v2, of tcpdump -i any'],
]);

/** `what` has the link type: a file, or one of its interfaces. */
export function requireEthernet(linkType: number, what: string): void {
  if (linkType === LINK_TYPE_ETHERNET) return;
  const name = NAMES.get(linkType);
  throw new DirectorError(
    'CAPTURE_FILE',
    `${what} has link type ${linkType}${name === undefined ? '' : ` (${name})`}; expected Ethernet (1): ` +
      'capture on an Ethernet interface by its name, such as tcpdump -i eth0',
    { linkType },
  );
}
