// What there is to download: three names for each architecture, and nothing else. The files are those of the image that
// this program came in, so that they are read once and do not change while it runs.
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { CertError } from '../errors.ts';

export const downloadNames = ['cert-renew', 'renew-all.sh', 'SHA256SUMS'] as const;
export type DownloadName = (typeof downloadNames)[number];

export const architectures = ['amd64', 'arm64'] as const;
export type Architecture = (typeof architectures)[number];

export interface Download {
  readonly path: string;
  readonly size: number;
  /** Strong, in its quotes: the sha256 of the bytes. */
  readonly etag: string;
  readonly type: string;
}

export type Downloads = Readonly<Record<Architecture, Readonly<Record<DownloadName, Download>>>>;

/** As Kubernetes, and as `uname -m`, call it. */
const spellings: Readonly<Record<string, Architecture>> = {
  amd64: 'amd64',
  x86_64: 'amd64',
  arm64: 'arm64',
  aarch64: 'arm64',
};

/** Undefined for what there is no executable for. */
export function architectureOf(word: string): Architecture | undefined {
  return Object.hasOwn(spellings, word) ? spellings[word] : undefined;
}

/** That of the nodes which this program runs on. */
export const ownArchitecture: Architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';

const types: Readonly<Record<DownloadName, string>> = {
  'cert-renew': 'application/octet-stream',
  'renew-all.sh': 'text/x-shellscript; charset=utf-8',
  SHA256SUMS: 'text/plain; charset=utf-8',
};

/** Reads `<directory>/<architecture>/<name>`. Errors: NotFound when one of them is missing, or SHA256SUMS knows it not. */
export function readDownloads(directory: string): Downloads {
  return {
    amd64: readArchitecture(join(directory, 'amd64')),
    arm64: readArchitecture(join(directory, 'arm64')),
  };
}

function readArchitecture(directory: string): Record<DownloadName, Download> {
  const sumsFile = join(directory, 'SHA256SUMS');
  const sums = onDisk(sumsFile, () => readFileSync(sumsFile));
  const known = new Map([
    ...parseChecksums(sums.toString('utf8')),
    ['SHA256SUMS', createHash('sha256').update(sums).digest('hex')] as const,
  ]);
  const read = (name: DownloadName): Download => {
    const path = join(directory, name);
    const { size } = onDisk(path, () => statSync(path));
    const sha256 = known.get(name);
    if (sha256 === undefined) throw new CertError('NotFound', `${name} has no line here`, { file: sumsFile });
    return { path, size, etag: `"${sha256}"`, type: types[name] };
  };
  return {
    'cert-renew': read('cert-renew'),
    'renew-all.sh': read('renew-all.sh'),
    SHA256SUMS: read('SHA256SUMS'),
  };
}

function onDisk<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new CertError('NotFound', 'a download is not where the image has it', { file, cause });
  }
}

/** Name → sha256, from the lines that sha256sum writes. */
function parseChecksums(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/^([0-9a-f]{64}) [ *](\S+)$/gm);
  return new Map([...lines].map(([, sha256 = '', name = '']) => [name, sha256]));
}
