/** Which files there are, by their path below /usr/local/share. */
import { version } from '../../version.ts';
import { createProgram } from '../director/program.ts';
import { bashCompletion } from './bash.ts';
import { diradmModel } from './diradm-model.ts';
import { DIRADM_PAGE } from './diradm-page.ts';
import { directorModel } from './director-model.ts';
import { DIRECTOR_PAGE } from './director-page.ts';
import { manualPage } from './man.ts';
import { zshCompletion } from './zsh.ts';

export async function referenceFiles(): Promise<Readonly<Record<string, string>>> {
  const director = directorModel(await createProgram({}));
  const diradm = diradmModel();
  return {
    'man/man8/director.8': manualPage(director, DIRECTOR_PAGE, version()),
    'man/man8/diradm.8': manualPage(diradm, DIRADM_PAGE, version()),
    'bash-completion/completions/director': bashCompletion(director),
    'bash-completion/completions/diradm': bashCompletion(diradm),
    'zsh/site-functions/_director': zshCompletion(director),
    'zsh/site-functions/_diradm': zshCompletion(diradm),
  };
}
