/** What there is to compare with: receive, rewrite two MACs, send, and nothing else. INTERFACE OWN_MAC TO_MAC. */
import cap from 'cap';

const [name, ownMac, toMac] = process.argv.slice(2);
const bytes = (mac) => Buffer.from(mac.replaceAll(':', ''), 'hex');
const [own, to] = [bytes(ownMac), bytes(toMac)];
const buffer = Buffer.alloc(65536);
const capture = new cap.Cap();
capture.open(name, `inbound and ether dst ${ownMac} and udp`, 32 * 1024 * 1024, buffer);
capture.on('packet', (lengthBytes) => {
  to.copy(buffer, 0);
  own.copy(buffer, 6);
  capture.send(buffer, lengthBytes);
});
