// cert-renew request [FILE…]: on a node without the CA key. What must be signed goes out as text; keys stay here.
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { Discovery } from '../catalogue/discover.ts';
import type { CertificateId } from '../catalogue/ids.ts';
import { entryOf } from '../catalogue/table.ts';
import { CertError, describeError } from '../errors.ts';
import type { Files } from '../host/files.ts';
import { withLock } from '../host/lock.ts';
import { factsOf } from '../rotation/facts.ts';
import type { Material } from '../rotation/material.ts';
import { planKeys, type Plan } from '../rotation/plan-keys.ts';
import { readSubjects } from '../rotation/prepare.ts';
import { isInterrupted } from '../rotation/settle-earlier.ts';
import type { RotationNode } from '../rotation/types.ts';
import { signatoryOf, signedBy } from './by-post.ts';
import { exitCodes } from './exit-codes.ts';
import { lockTimeoutOption, parse, unlessHelp } from './grammar.ts';
import { localNode } from './local-node.ts';
import { discoverHere } from './missed.ts';
import { isNodeName, requestText, toBase64, type RequestBlock } from './offline/block.ts';
import { chooseDue, chooseNamed, type Chosen } from './offline/select.ts';
import { nodeNameOf } from './offline/signing-place.ts';
import { readWaiting, writeWaiting, type Waiting } from './offline/waiting.ts';
import { checkOutput, unwritten, writeOutput } from './output-file.ts';
import { complain, say } from './output.ts';
import { ownCall, programName } from './own-call.ts';
import { rfc3339 } from '../pki/time.ts';

export interface RequestOptions {
  /** Absolute paths; empty: what of the kubelet is due. */
  readonly files: readonly string[];
  readonly newKey: boolean;
  readonly out: string | undefined;
  readonly json: boolean;
  readonly lockTimeoutMs: number;
}

interface RawOptions {
  readonly newKey?: boolean;
  readonly out?: string;
  readonly json?: boolean;
  readonly lockTimeout: number;
}

export function command(): Command {
  return new Command('cert-renew request')
    .description(
      'On a node without the CA key: write a request for its kubelet certificates. It holds no private key; bring it to a control plane by any means and give it to cert-renew sign.',
    )
    .argument('[FILE...]', 'certificates and kubeconfigs of this node (default: what of the kubelet is due)')
    .option('--new-key', 'make new private keys; they wait on this node (default: keep the keys)')
    .option('--out <file>', 'where the request goes (default: standard output)')
    .option('--json', 'print one JSON object, with the request in it')
    .addOption(lockTimeoutOption());
}

export async function run(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  return await unlessHelp(parse<RawOptions>(command(), arguments_), async ({ options, operands }) => {
    const { newKey = false, json = false, out, lockTimeout } = options;
    const files = operands.map((path) => resolve(path));
    const place = out === undefined ? undefined : resolve(out);
    return await request({ files, newKey, json, out: place, lockTimeoutMs: lockTimeout }, signal);
  });
}

/** Resolves with the exit code. @throws CertError before anything was written */
export async function request(
  options: RequestOptions,
  signal: AbortSignal,
  node: RotationNode = localNode(),
): Promise<number> {
  checkOutput(node.files, options.out, 'request');
  const lock = { timeoutMs: options.lockTimeoutMs, signal };
  return await withLock(node.layout.lock, lock, () => requestLocked(node, options));
}

async function requestLocked(node: RotationNode, options: RequestOptions): Promise<number> {
  if (isInterrupted(node)) throw interrupted();
  const discovery = discoverHere(node);
  const { files } = options;
  const chosen = files.length === 0 ? chooseDue(node, discovery) : chooseNamed(node, discovery, files);
  if (chosen.targets.length === 0) return nothingToAsk(chosen);
  const notes = [...chosen.notes];
  const materials = readSubjects(node, chosen.targets, notes);
  const earlier = earlierWaiting(node, notes);
  const isAgain = earlier !== undefined && isSame(earlier, materials, options);
  const waiting = isAgain ? earlier : await make(node, discovery, { materials, options, notes });
  if (!isAgain) writeWaiting(node, waiting);
  if (earlier !== undefined) notes.push(whatOfEarlier(earlier, isAgain));
  const ids = [...discovery.targets, ...discovery.missed].map(({ id }) => id);
  return tell(node, waiting, options, { notes, ids });
}

const interrupted = (): CertError =>
  new CertError(
    'JournalForeign',
    `an interrupted rotation lies on this node; finish it first: ${ownCall()} install RESPONSE, or ${ownCall()} all`,
  );

function nothingToAsk({ notes, hasProblem }: Chosen): number {
  const why = notes.join('; ') || 'no certificate of a kubelet was found on this node';
  if (hasProblem) throw new CertError('Unsupported', `nothing can be asked for: ${why}`);
  complain(`cert-renew: nothing is due: ${why}\n`);
  return exitCodes.nothingToDo;
}

/** One that cannot be read any more gives way: nobody could install its answer. */
function earlierWaiting(node: RotationNode, notes: string[]): Waiting | undefined {
  try {
    return readWaiting(node);
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    notes.push(`an earlier request could not be read and is replaced: ${describeError(error)}`);
    return undefined;
  }
}

/** For the same certificates as they lie here now: whoever has the first one need not be told. */
function isSame(
  { block, newKey }: Waiting,
  materials: readonly Material[],
  options: RequestOptions,
): boolean {
  const before = block.certificates.map(({ id, old }) => `${id} ${old}`);
  const now = materials.map(({ id, certificate }) => `${id} ${toBase64(certificate.der)}`);
  return newKey === options.newKey && before.toSorted().join() === now.toSorted().join();
}

function whatOfEarlier({ block }: Waiting, isAgain: boolean): string {
  return isAgain
    ? `this is request ${block.id} of ${block.made} again: it still waits for its answer`
    : `request ${block.id} of ${block.made} is replaced: an answer to it cannot be installed any more`;
}

interface Making {
  readonly materials: readonly Material[];
  readonly options: RequestOptions;
  readonly notes: string[];
}

async function make(
  node: RotationNode,
  discovery: Discovery,
  { materials, options, notes }: Making,
): Promise<Waiting> {
  const id = Buffer.from(node.random(16)).toString('hex');
  const order = {
    facts: factsOf(discovery),
    keyPolicy: options.newKey ? 'new' : 'keep',
    kubeletRestart: 'always',
    origin: 'cli',
    rotationUID: id,
  } as const;
  const plans = await Promise.all(planKeys(node, order, materials, notes));
  const block: RequestBlock = {
    schema: 1,
    id,
    node: nodeNameOf(node.files, discovery) ?? hostName(node.files),
    machineId: node.machineId,
    made: rfc3339(node.now()),
    certificates: plans.flatMap(certificateOf),
  };
  const keys = plans.flatMap(({ newKey, request: { id, spki } }) =>
    newKey === undefined || id === undefined ? [] : [[id, { key: newKey, spki }] as const],
  );
  return { block, newKey: options.newKey, keys: new Map(keys) };
}

function certificateOf({ request }: Plan): RequestBlock['certificates'] {
  const { id, oldCertificate, requestDer, possession } = request;
  if (id === undefined || possession === undefined) return [];
  return [
    {
      id,
      old: toBase64(oldCertificate.der),
      request: toBase64(requestDer),
      possession: toBase64(possession),
    },
  ];
}

/** What a kubelet calls its node unless it is told otherwise. @throws CertError NotFound */
function hostName(files: Files): string {
  const path = '/etc/hostname';
  const text = Buffer.from(files.read(files.realpath(path), 1024))
    .toString('utf8')
    .trim()
    .toLowerCase();
  if (isNodeName(text)) return text;
  throw new CertError('Unsupported', `the name of this node is not known: ${path} holds none`, {
    file: path,
  });
}

interface Beside {
  readonly notes: readonly string[];
  /** Of the certificates of this node, also of those that are missed. */
  readonly ids: readonly CertificateId[];
}

function tell(
  node: RotationNode,
  { block, keys }: Waiting,
  { out, json }: RequestOptions,
  { notes, ids }: Beside,
): number {
  const text = requestText(block);
  if (json) {
    const certificates = block.certificates.map(({ id }) => ({ id, key: keys.has(id) ? 'new' : 'kept' }));
    const { id, node: name, made } = block;
    if (out !== undefined) writeOutput(node.files, out, text);
    const value = { schema: 1, request: id, node: name, made, certificates, notes, text };
    return say(`${JSON.stringify(value)}\n`) ? exitCodes.done : unwritten('the request', out);
  }
  if (!writeOutput(node.files, out, text)) return unwritten('the request', out);
  const names = block.certificates.map(({ id }) => `${id} (${keys.has(id) ? 'new' : 'same'} key)`);
  const lines = [
    `request ${block.id} of node ${block.node}: ${names.join(', ')}`,
    ...notes.map((note) => `note: ${note}`),
    nextAfter(block, ids, out),
  ];
  complain(`${lines.join('\n')}\n`);
  return exitCodes.done;
}

function nextAfter({ certificates }: RequestBlock, ids: Beside['ids'], out: string | undefined): string {
  const isForEtcd = certificates.some(({ id }) => signatoryOf(entryOf(id).ca, ids) === 'etcd');
  const { where, options } = signedBy[isForEtcd ? 'etcd' : 'control-plane'];
  return `next: bring ${out ?? 'it'} ${where}: ${programName} sign FILE${options} --out ANSWER; then bring ANSWER here: ${ownCall()} install ANSWER`;
}
