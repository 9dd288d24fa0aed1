/** Why the datapath is not a faster one: in the daemon's words, or by what is built. */
import { type NativeStatus, readNativeStatus } from '../../host/native.ts';
import { defineCheck } from '../check.ts';
import { here } from '../finding.ts';

interface Facts {
  /** Of the daemon; undefined: none answers. */
  readonly datapath: { readonly name: string; readonly notes: readonly string[] } | undefined;
  readonly built: NativeStatus | undefined;
}

export const faster = defineCheck<Facts>({
  name: 'faster',
  fine: 'the datapath is the fastest there is',
  on: ['director'],
  finds: {
    'faster-datapath': { severity: 'note', meaning: 'the datapath is not the fastest: what it lacks' },
  },
  collect: ({ parts: { status } }) => ({ datapath: status?.datapath, built: readNativeStatus() }),
  judge({ datapath, built }) {
    if (datapath !== undefined)
      return datapath.notes.map((note) => {
        const command = /; run: (.+)$/.exec(note)?.[1];
        return {
          id: 'faster-datapath',
          what: note,
          shown: `director status: the datapath is ${datapath.name}`,
          fix: command === undefined ? null : here(command),
        };
      });
    return [built?.bpfAddon, built?.bpfProgram]
      .filter((part) => part !== undefined && !part.ok)
      .map((part) => ({
        id: 'faster-datapath',
        what: `the xdp datapath cannot be had: ${part!.reason}`,
        shown: 'what npm run build:native found',
        fix: part!.fix === undefined ? null : here(part!.fix),
      }));
  },
});
