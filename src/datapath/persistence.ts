/**
 * Persistence: a template remembers which server a client, or a network of clients, goes to; connections are made
 * from it without asking the scheduler. ip_vs_core.c, ip_vs_sched_persist().
 */
import { ticksFromSec } from '../clock.ts';
import { KeyKind, NO_CONNECTION } from '../connection/connection-table.ts';
import { INVALIDATED_PORT } from '../connection/template-state.ts';
import type { VirtualService } from '../service/virtual-service.ts';
import { expire, isExpired, rememberTemplate } from './connection-life.ts';
import type { Path } from './path.ts';
import { Verdict } from './verdict.ts';

const FTP_PORT = 21;

/** The template of the packet's client, its timer restarted, made if need be. NO_CONNECTION: see path.refusal. */
export function findTemplate(path: Path, service: VirtualService): number {
  const { connections } = path;
  setTemplateKey(path, service);
  let template = connections.find(path.key);
  if (template !== NO_CONNECTION && isExpired(path, template) && expire(path, template))
    template = NO_CONNECTION;
  if (template !== NO_CONNECTION && !isUsable(path, template)) {
    connections.setPorts(template, 0, INVALIDATED_PORT);
    template = NO_CONNECTION;
  }
  if (template === NO_CONNECTION) return createTemplate(path, service);
  connections.setExpires(template, path.now + connections.templateTimeout(template));
  return template;
}

function createTemplate(path: Path, service: VirtualService): number {
  const server = service.scheduler?.choose(service, path.packet, path.now);
  if (server === undefined) {
    path.refusal = Verdict.ReplyPortUnreachable;
    return NO_CONNECTION;
  }
  const template = rememberTemplate(path, server, ticksFromSec(service.options.persistentSec));
  if (template === NO_CONNECTION) path.refusal = Verdict.DropConnectionTableFull;
  return template;
}

/** ip_vs_check_template(): its server was not removed and, by setting, not quiesced; nor has it failed its checks. */
function isUsable({ connections, registry, settings }: Path, template: number): boolean {
  const server = registry.get(connections.serverOf(template));
  return server.takesPart && !(settings.expire_quiescent_template !== 0 && server.weight === 0);
}

/**
 * Protocol, client network, virtual address and, but for FTP and for services of all ports, the port, so that all
 * of a client's connections to such a service share one template. For a firewall mark: the mark as the address,
 * and neither protocol nor port.
 */
export function setTemplateKey(
  { packet, key }: Pick<Path, 'packet' | 'key'>,
  { address, options }: Pick<VirtualService, 'address' | 'options'>,
): void {
  const isMarked = 'fwmark' in address;
  const port = isMarked || address.port === FTP_PORT ? 0 : address.port;
  key.ipVersion = packet.ipVersion;
  key.protocol = (isMarked ? 0 : packet.protocol) | KeyKind.Template;
  key.virtual0 = isMarked ? address.fwmark | 0 : packet.virtual0;
  key.virtual1 = isMarked ? 0 : packet.virtual1;
  key.virtual2 = isMarked ? 0 : packet.virtual2;
  key.virtual3 = isMarked ? 0 : packet.virtual3;
  key.clientPort = 0;
  key.virtualPort = packet.virtualPort === port ? port : 0;
  if (packet.ipVersion === 4) {
    key.client0 = packet.client0 & options.netmask;
    key.client1 = key.client2 = key.client3 = 0;
    return;
  }
  key.client0 = maskWord(packet.client0, options.netmask);
  key.client1 = maskWord(packet.client1, options.netmask - 32);
  key.client2 = maskWord(packet.client2, options.netmask - 64);
  key.client3 = maskWord(packet.client3, options.netmask - 96);
}

/** The first `bits` bits of a word; all of it from 32 on, none of it up to 0. */
function maskWord(word: number, bits: number): number {
  if (bits >= 32) return word;
  return bits <= 0 ? 0 : word & (-1 << (32 - bits));
}
