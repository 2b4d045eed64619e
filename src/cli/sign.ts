// cert-renew sign REQUEST: on a control plane. Shows what it is about to sign, asks, and writes certificates only.
import { posix, resolve } from 'node:path';
import { Command } from 'commander';
import type { Discovery } from '../catalogue/discover.ts';
import { caIds, type CaId, type CertificateId } from '../catalogue/ids.ts';
import { entryOf } from '../catalogue/table.ts';
import { CertError } from '../errors.ts';
import { discoverNode } from '../host/discovery.ts';
import type { Files } from '../host/files.ts';
import { localSigner, type LocalCa } from '../rotation/local-signer.ts';
import type { RotationNode } from '../rotation/types.ts';
import { exitCodes } from './exit-codes.ts';
import { daysHelp, parse, readDays, unlessHelp, usage } from './grammar.ts';
import { inFile, readLocalCas } from './local-ca.ts';
import { localNode } from './local-node.ts';
import {
  largestFile,
  readRequests,
  responseText,
  toBase64,
  type RequestBlock,
  type ResponseBlock,
} from './offline/block.ts';
import { judgeRequests, notJudged, type JudgedNode } from './offline/judge.ts';
import { lifetimeOf, planSigning, renderPlan, type PlannedNode } from './offline/signing-plan.ts';
import { gatherSigningPlace } from './offline/signing-place.ts';
import { checkOutput, unwritten, writeOutput } from './output-file.ts';
import { askPerson, type Ask } from './question.ts';
import { complain, say } from './output.ts';

export interface SignOptions {
  /** Absolute path. */
  readonly file: string;
  /** Undefined: the CAs of this control plane. */
  readonly ca: { readonly cert: string; readonly key: string } | undefined;
  /** Undefined: 91 for kubelet files, 365 for the others (R24). */
  readonly days: number | undefined;
  readonly out: string | undefined;
  readonly yes: boolean;
  readonly json: boolean;
}

interface RawOptions {
  readonly caCert?: string;
  readonly caKey?: string;
  readonly days?: number;
  readonly out?: string;
  readonly yes?: boolean;
  readonly json?: boolean;
}

export function command(): Command {
  return new Command('cert-renew sign')
    .description(
      'On a control plane: show what requests ask for and, when a person agrees, sign all of them or none. The answer holds certificates only.',
    )
    .argument('<REQUEST>', 'what cert-renew request wrote; of many nodes: cat *.req > all.req')
    .option('--ca-cert <path>', 'certificate of the CA (default: as this control plane is configured)')
    .option('--ca-key <path>', 'its private key')
    .option('--days <n>', daysHelp, readDays)
    .option('--out <file>', 'where the answer goes (default: standard output)')
    .option('--yes', 'do not ask; needed where there is no terminal')
    .option('--json', 'print one JSON object, with the answer in it');
}

export async function run(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  return await unlessHelp(parse<RawOptions>(command(), arguments_), async ({ options, operands }) =>
    sign(toOptions(options, operands), signal),
  );
}

function toOptions({ caCert, caKey, ...raw }: RawOptions, [file = '']: readonly string[]): SignOptions {
  if ((caCert === undefined) !== (caKey === undefined))
    throw usage(`--ca-cert and --ca-key belong together`, command());
  return {
    file: resolve(file),
    ca:
      caCert === undefined || caKey === undefined
        ? undefined
        : { cert: resolve(caCert), key: resolve(caKey) },
    days: raw.days,
    out: raw.out === undefined ? undefined : resolve(raw.out),
    yes: raw.yes ?? false,
    json: raw.json ?? false,
  };
}

/** Resolves with the exit code. @throws CertError before anything was signed */
export async function sign(
  options: SignOptions,
  signal: AbortSignal,
  { files, now: clock }: Pick<RotationNode, 'files' | 'now'> = localNode(),
  ask: Ask | undefined = askPerson(),
): Promise<number> {
  checkOutput(files, options.out, 'response');
  const now = clock();
  const blocks = inFile(options.file, 'name what cert-renew request wrote', () =>
    readRequests(Buffer.from(files.read(files.realpath(options.file), largestFile)).toString('latin1')),
  );
  const discovery = discoverNode(files);
  const place = gatherSigningPlace(files, discovery);
  const cas = readCas(files, discovery, { options, blocks, now });
  const judged = judgeRequests(blocks, { ...place, authorities: authoritiesOf(cas) });
  const refusals = judged.flatMap((each) => each.refusals);
  if (refusals.length > 0) return refuse(refusals);
  const usable = [...new Set(cas.values())].flat();
  const planned = planSigning(judged, usable, { days: options.days, now });
  const notes = [
    ...judged.flatMap(({ wanted }) => wanted.flatMap((each) => each.notes)),
    ...notJudged(judged, place),
  ];
  complain(planText(planned, notes));
  await agree(options, ask, { planned, signal });
  const responses = await signAll(judged, usable, { options, now, signal });
  return tell(files, options, { planned, notes, responses });
}

/** All or nothing: what is good waits until what is bad was taken out. */
function refuse(refusals: readonly string[]): number {
  const lines = refusals.map((each) => `cert-renew: ${each}`);
  const end = 'cert-renew: nothing was signed; take these requests out, or have them made again';
  complain(`${[...lines, end].join('\n')}\n`);
  return exitCodes.refused;
}

interface Reading {
  readonly options: SignOptions;
  readonly blocks: readonly RequestBlock[];
  readonly now: Date;
}

/** By the CA for which they stand: only those that these requests need. */
function readCas(
  files: Files,
  { cas }: Discovery,
  { options, blocks, now }: Reading,
): ReadonlyMap<CaId, readonly LocalCa[]> {
  const needed = caIds.filter((id) =>
    blocks.some(({ certificates }) => certificates.some((each) => entryOf(each.id).ca === id)),
  );
  if (options.ca !== undefined) {
    const named = readLocalCas(files, options.ca.cert, options.ca.key, now);
    return new Map(needed.map((id) => [id, named]));
  }
  return new Map(
    needed.map((id) => {
      const ca = cas.find((each) => each.id === id);
      if (ca === undefined || files.stat(ca.keyPath) === undefined) throw noKey(id, ca?.keyPath);
      return [id, readLocalCas(files, ca.certPath, ca.keyPath, now)];
    }),
  );
}

function noKey(id: CaId, path: string | undefined): CertError {
  const where = path === undefined ? '' : ` (${path} is missing)`;
  return new CertError(
    'NotFound',
    `the key of the ${id} CA is not on this machine${where}: sign on a control plane that has it, or name --ca-cert and --ca-key`,
  );
}

const authoritiesOf = (cas: ReadonlyMap<CaId, readonly LocalCa[]>) =>
  Object.fromEntries([...cas].map(([id, list]) => [id, list.map(({ certificate }) => certificate)]));

function planText(planned: readonly PlannedNode[], notes: readonly string[]): string {
  return `${[renderPlan(planned), ...notes.map((note) => `note: ${note}`)].join('\n')}\n`;
}

/** @throws CertError Usage without --yes and without a terminal; Aborted when the person says no */
async function agree(
  { yes }: SignOptions,
  ask: Ask | undefined,
  { planned, signal }: { readonly planned: readonly PlannedNode[]; readonly signal: AbortSignal },
): Promise<void> {
  if (yes) return;
  if (ask === undefined)
    throw usage('nothing was signed: there is no terminal to ask on; say --yes', command());
  const many = planned.flatMap(({ certificates }) => certificates).length;
  const agreed = await ask(
    `Sign ${many === 1 ? 'this certificate' : `these ${many} certificates`}? [y/N] `,
    signal,
  );
  if (!agreed) throw new CertError('Aborted', 'nothing was signed');
}

interface Signing {
  readonly options: SignOptions;
  readonly now: Date;
  readonly signal: AbortSignal;
}

const keyOf = ({ id }: RequestBlock, certificate: CertificateId): string => `${id} ${certificate}`;

async function signAll(
  judged: readonly JudgedNode[],
  cas: readonly LocalCa[],
  { options, now, signal }: Signing,
): Promise<ResponseBlock[]> {
  const requests = judged.flatMap(({ block, wanted }) =>
    wanted.map(({ id, old, spki, requestDer }) => {
      const path = `${id} of node ${block.node}`;
      return { key: keyOf(block, id), id, path, requestDer, spki, oldCertificate: old };
    }),
  );
  const lifetimeMs = ({ id }: { readonly id: CertificateId | undefined }): number =>
    lifetimeOf(id ?? 'kubelet.crt', options.days);
  const signed = await localSigner(cas, { lifetimeMs, now: () => now })(
    requests.map((request) => Promise.resolve(request)),
    signal,
  );
  return judged.map(({ block }) => ({
    schema: 1,
    id: block.id,
    node: block.node,
    machineId: block.machineId,
    certificates: block.certificates.map(({ id }) => {
      const found = signed.find((each) => each.key === keyOf(block, id));
      if (found === undefined) throw new CertError('SigningRefused', `${id} was not signed`);
      return { id, certificate: toBase64(found.certificate.der) };
    }),
  }));
}

interface Done {
  readonly planned: readonly PlannedNode[];
  readonly notes: readonly string[];
  readonly responses: readonly ResponseBlock[];
}

function tell(files: Files, { out, json }: SignOptions, { planned, notes, responses }: Done): number {
  const text = responses.map(responseText).join('');
  const isInPlace = (json && out === undefined) || writeOutput(files, out, text);
  const isSaid = !json || say(`${JSON.stringify({ schema: 1, nodes: planned, notes, text })}\n`);
  if (!isInPlace || !isSaid) return unwritten('the answer', out);
  const nodes = planned.map(({ node }) => node).join(', ');
  const what = out === undefined ? 'it' : posix.basename(out);
  complain(`signed\nnext: bring ${what} to ${nodes}: cert-renew install FILE\n`);
  return exitCodes.done;
}
