/** Tables of our own in nftables, netdev family, one for each interface: what those who make one share. nft(8) */
import { runCommand } from './command.ts';

/** nft identifiers take letters, digits and underscores. */
export const nftTableName = (prefix: string, interfaceName: string): string =>
  `${prefix}_${interfaceName.replace(/[^A-Za-z0-9]/g, '_')}`;

/** Deleting what is not there is an error in nft; adding what is there is not. */
export const emptyTable = (table: string): string[] => [
  `add table netdev ${table}`,
  `delete table netdev ${table}`,
];

/** In one transaction. */
export const runNft = (script: string): Promise<string> => runCommand('nft', ['-f', '-'], script);

export const removeTable = (table: string): Promise<string> => runNft(`${emptyTable(table).join('\n')}\n`);

/** As nft lists it; undefined: it is not there. */
export const listChain = (table: string, chain: string): Promise<string | undefined> =>
  runCommand('nft', ['list', 'chain', 'netdev', table, chain]).catch(() => undefined);
