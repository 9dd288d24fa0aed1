/** Service and server of a record in words, made once for each: the packet path only copies them. */
import { endpointText, serviceKey } from '../service/configuration.ts';
import type { RealServer } from '../service/real-server.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { recordText } from './record.ts';

const NOTHING = recordText('', '');

export class RecordTexts {
  private readonly ofServers = new WeakMap<RealServer, Buffer>();
  private readonly ofServices = new WeakMap<VirtualService, Buffer>();

  of(server: RealServer | undefined, service: VirtualService | undefined): Buffer {
    if (server !== undefined) {
      return remembered(this.ofServers, server, () =>
        recordText(serviceKey(server.service), endpointText(server.address)),
      );
    }
    if (service === undefined) return NOTHING;
    return remembered(this.ofServices, service, () => recordText(serviceKey(service.address), ''));
  }
}

function remembered<Key extends object>(texts: WeakMap<Key, Buffer>, key: Key, make: () => Buffer): Buffer {
  const known = texts.get(key);
  if (known !== undefined) return known;
  const text = make();
  texts.set(key, text);
  return text;
}
