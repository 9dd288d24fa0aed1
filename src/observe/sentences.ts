/** How the history says what has happened. Pure. */
import { endpointText, serviceKey } from '../service/configuration.ts';
import type { Edit } from '../service/model.ts';
import type { Turn } from './turns.ts';

const MAX_EDITS_TOLD = 3;

/** `why`: of one that is down. */
export function turnSentence({ service, server, isDown }: Turn, why: string): string {
  const name = `real server ${endpointText(server)} of ${serviceKey(service)}`;
  return isDown ? `${name} is down: ${why}` : `${name} is up again`;
}

/** `2 edits: add-service tcp 10.0.0.100:80; add-server 10.0.0.11:80 of tcp 10.0.0.100:80` */
export function editsSentence(edits: readonly Edit[]): string {
  const told = edits.slice(0, MAX_EDITS_TOLD).map(editWords);
  const more = edits.length - told.length;
  const all = [...told, ...(more === 0 ? [] : [`and ${more} more`])].join('; ');
  return `${edits.length} ${edits.length === 1 ? 'edit' : 'edits'}: ${all}`;
}

function editWords(edit: Edit): string {
  switch (edit.op) {
    case 'add-server':
    case 'edit-server':
    case 'delete-server':
      return `${edit.op} ${endpointText(edit.server)} of ${serviceKey(edit.service)}`;
    case 'add-service':
    case 'edit-service':
    case 'delete-service':
      return `${edit.op} ${serviceKey(edit.service)}`;
    case 'set':
      return `set ${edit.name} to ${edit.value}`;
    case 'start-sync-daemon':
      return `${edit.op} ${edit.daemon.role}`;
    case 'stop-sync-daemon':
      return `${edit.op} ${edit.role}`;
    default:
      return edit.op;
  }
}
