/** Certificates for tests, made by openssl(1): an authority, and what it issues. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export class Authority {
  readonly pem: string;
  private readonly folder = mkdtempSync(join(tmpdir(), 'authority-'));

  constructor() {
    const [key, cert] = [this.path('ca.key'), this.path('ca.pem')];
    openssl(
      'req',
      '-x509',
      ...NEW_KEY,
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '2',
      '-subj',
      '/CN=test authority',
    );
    this.pem = readFileSync(cert, 'utf8');
  }

  /** `names` as in subjectAltName: 'DNS:a.example'. `days`: valid from now, and may be negative. */
  issue(names: string, days = 1): KeyPair {
    const [key, request, cert] = [this.path('key'), this.path('request'), this.path('cert')];
    const extensions = this.path('extensions');
    writeFileSync(extensions, `subjectAltName=${names}\n`);
    openssl('req', '-new', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', '/CN=test server');
    const issuer = ['-CA', this.path('ca.pem'), '-CAkey', this.path('ca.key'), '-CAcreateserial'];
    const options = ['-in', request, '-out', cert, '-extfile', extensions, '-days', String(days)];
    openssl('x509', '-req', ...issuer, ...options);
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private path(name: string): string {
    return join(this.folder, name);
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'ignore' });
}
