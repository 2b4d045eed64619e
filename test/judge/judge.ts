// The judges that are not of this project: Go's crypto/x509 and openssl; and certificates that openssl alone made.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A question to Go; see main.go. */
export interface Question {
  readonly certificate: string;
  readonly ca: string;
  readonly key?: string;
  readonly usage?: 'server' | 'client';
  readonly name?: string;
  readonly at?: string;
}

export interface Verdict {
  readonly ok: boolean;
  readonly error?: string;
  readonly serial?: string;
  readonly subject?: string;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly signedWith?: string;
  readonly keyAlgorithm?: string;
  /** "<oid> <critical> <value in hex>", in order. */
  readonly extensions?: readonly string[];
  readonly rawSubject?: string;
  readonly rawIssuer?: string;
}

export const leafAlgorithms = ['RSA-2048', 'RSA-3072', 'RSA-4096', 'P-256', 'P-384', 'P-521'] as const;
export type LeafAlgorithm = (typeof leafAlgorithms)[number];

const curves: Readonly<Record<string, string>> = {
  'P-256': 'prime256v1',
  'P-384': 'secp384r1',
  'P-521': 'secp521r1',
};

/** A directory with openssl and the Go judge in it; `remove` when done. Each key is made once and kept. */
export class Bench {
  readonly directory = mkdtempSync(join(tmpdir(), 'judge-'));
  readonly #keys = new Map<string, string>();
  #judge: string | undefined;

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.directory, name);
  }

  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.path(name), content);
    return this.path(name);
  }

  /** `line` is split at blanks; what has blanks in it comes after it. */
  openssl(line: string, ...more: readonly string[]): string {
    return execFileSync('openssl', [...line.split(' '), ...more], {
      cwd: this.directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  /** PKCS#8 PEM. `which` tells keys of one algorithm apart. */
  key(algorithm: LeafAlgorithm | 'Ed25519' | 'RSA-1024', which = 'a'): string {
    const name = `${algorithm}-${which}`;
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const made = this.openssl(`genpkey ${genpkeyOptions(algorithm)}`);
    this.write(`${name}.key`, made);
    this.#keys.set(name, made);
    return made;
  }

  /** Asks Go. */
  judge(questions: readonly Question[]): Verdict[] {
    const output = execFileSync(this.#built(), {
      input: questions.map((question) => JSON.stringify(question)).join('\n'),
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const verdicts: Verdict[] = JSON.parse(`[${output.trim().replaceAll('\n', ',')}]`);
    return verdicts;
  }

  #built(): string {
    this.#judge ??= buildJudge(this.path('judge'));
    return this.#judge;
  }
}

function genpkeyOptions(algorithm: string): string {
  const curve = curves[algorithm];
  if (curve !== undefined)
    return `-algorithm EC -pkeyopt ec_paramgen_curve:${curve} -pkeyopt ec_param_enc:named_curve`;
  if (algorithm === 'Ed25519') return '-algorithm ED25519';
  return `-algorithm RSA -pkeyopt rsa_keygen_bits:${algorithm.slice(4)}`;
}

function buildJudge(output: string): string {
  execFileSync('go', ['build', '-o', output, '.'], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return output;
}

export const readText = (path: string): string => readFileSync(path, 'latin1');
