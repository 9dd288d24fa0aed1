/** `director set`: the IPVS sysctls as settings; alone it lists them. */
import type { Command } from 'commander';
import type { SettingsReply } from '../../control/protocol.ts';
import { DirectorError } from '../../errors.ts';
import { applyEdit, asking } from './asking.ts';
import { plainTable } from './table.ts';

export function addSettingCommand(program: Command): void {
  program
    .command('set')
    .description(
      'change a setting, named as the IPVS sysctl (net.ipv4.vs.NAME); without arguments list them all',
    )
    .argument('[name]')
    .argument('[value]')
    .action((name: string | undefined, value: string | undefined, _options: object, command: Command) =>
      asking(command, async (client) => {
        if (name !== undefined && value !== undefined) {
          await applyEdit(client, { op: 'set', name, value: wholeNumber(name, value) });
          return;
        }
        const { settings } = await client.readSettings();
        const listed = settings.filter((setting) => name === undefined || setting.name === name);
        if (listed.length === 0) {
          const known = settings.map((setting) => setting.name).join(', ');
          throw new DirectorError('OUT_OF_RANGE', `there is no setting ${name}; there are: ${known}`);
        }
        console.log(renderSettings(listed));
      }),
    );
}

export function renderSettings(settings: SettingsReply['settings']): string {
  const rows = settings.map(({ name, value, default: preset, meaning }) => [
    name,
    String(value),
    String(preset),
    meaning,
  ]);
  return plainTable([['NAME', 'VALUE', 'DEFAULT', 'MEANING'], ...rows]);
}

function wholeNumber(name: string, text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw new DirectorError('OUT_OF_RANGE', `${name} takes a whole number, not ${text}`);
}
