// kubectl certrot support-bundle
import { writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { Command } from 'commander';
import { build } from '../build.ts';
import { readPath } from '../cli/grammar.ts';
import { CertError } from '../errors.ts';
import { planOf } from '../view/plan.ts';
import { nodeRows } from '../view/nodes.ts';
import { summaryOf } from '../view/summary.ts';
import { defaultPublicNamespace } from '../kube/types.ts';
import { gatherBundle, type Missing } from './bundle.ts';
import { called, print, withCluster, type Call, type ClusterOptions, type Surroundings } from './command.ts';
import { exitCodes } from './exit-codes.ts';
import { lookAt, type Look } from './picture.ts';
import { redact } from './redact.ts';
import { planLines } from './render-plan.ts';
import { statusLines } from './render-status.ts';
import { tarOf, type TarFile } from './tar.ts';
import { linesText } from './text.ts';
import { readerOf } from './words.ts';

interface Options extends ClusterOptions {
  readonly output?: string;
}

export function command(): Command {
  const made = new Command('kubectl certrot support-bundle')
    .description('Write what somebody needs who is to help, without secrets, into one archive.')
    .option('-o, --output <file>', 'where to (default: certrot-support-<time>.tar.gz here)', readPath);
  return withCluster(made);
}

export async function run(words: readonly string[], surroundings: Surroundings): Promise<number> {
  return await called<Options>(command(), words, surroundings, makeBundle);
}

async function makeBundle({ options, kubectl, reader, surroundings }: Call<Options>): Promise<number> {
  const now = surroundings.now();
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const top = `certrot-support-${stamp}`;
  const file = options.output ?? `${top}.tar.gz`;
  const look = await lookUnlessDenied(async () => await lookAt(kubectl, options.namespace, now));
  const namespace = look?.publicNamespace ?? options.namespace ?? defaultPublicNamespace;
  const { files, missing } = await gatherBundle(kubectl, namespace);
  const said = look === undefined ? [] : saidOf(look);
  const all = [aboutFile(now, [...said, ...files], missing), ...said, ...files];
  const inside = all.map(({ path, text }) => ({ path: `${top}/${path}`, text }));
  const bytes = gzipSync(tarOf(inside, Math.floor(now.getTime() / 1000)));
  writeNew(file, bytes);
  const { w, list } = reader;
  const kinds = [...new Set(all.map(({ path }) => path.split('/', 1)[0] ?? path))];
  print([
    w('bundle.written', { file, count: all.length, size: Math.ceil(bytes.length / 1024) }),
    w('bundle.holds', { list: list(kinds) }),
    w('bundle.without'),
    ...(missing.length === 0 ? [] : [w('bundle.missing', { list: list(missing.map(missingText)) })]),
    w('bundle.read'),
  ]);
  return exitCodes.done;
}

async function lookUnlessDenied(look: () => Promise<Look>): Promise<Look | undefined> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof CertError && error.code === 'Denied') return undefined;
    throw error;
  }
}

/** What a person sees, in English: whoever helps may read no other. */
function saidOf({ seen, blind }: Look): readonly TarFile[] {
  const english = readerOf('en', 'UTC');
  const status = statusLines({ summary: summaryOf(seen), rows: nodeRows(seen), blind, all: true }, english);
  return [
    { path: 'status.txt', text: redact(linesText(status)) },
    { path: 'plan.txt', text: redact(linesText(planLines(planOf(seen), english))) },
  ];
}

const missingText = ({ path, why }: Missing): string => `${path} (${why})`;

function aboutFile(now: Date, files: readonly TarFile[], missing: readonly Missing[]): TarFile {
  const { version, commit = 'unknown', modified } = build;
  const text = linesText([
    `Support bundle of cluster-cert-rotator, made ${now.toISOString()}`,
    `by kubectl-certrot ${version}, commit ${commit}${modified ? ', with changes that are not in it' : ''}.`,
    'Secrets were not read. Of objects it holds named fields alone; what looks like a key, a token, a password or a',
    'signing request was taken out of every text.',
    '',
    'Holds:',
    ...files.map(({ path, text }) => `  ${path} (${Buffer.byteLength(text)} bytes)`),
    ...(missing.length === 0 ? [] : ['', 'Left out, since it could not be read:']),
    ...missing.map((one) => `  ${missingText(one)}`),
  ]);
  return { path: 'ABOUT.txt', text };
}

/** For its owner alone, and never over something that is there. */
function writeNew(file: string, bytes: Buffer): void {
  try {
    writeFileSync(file, bytes, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    const why = isThere ? 'exists already: name another by --output' : 'cannot be written';
    throw new CertError(isThere ? 'Conflict' : 'Io', `${file} ${why}`, { file, cause: error });
  }
}
