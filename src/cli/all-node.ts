// What `cert-renew all` finds on this node: its certificates, the CAs that can sign here, and whether its kubelet works.
import { posix } from 'node:path';
import type { Discovery } from '../catalogue/discover.ts';
import { caIds, type CaId, type Target } from '../catalogue/ids.ts';
import { notesBeside } from '../catalogue/missed.ts';
import { CertError, describeError } from '../errors.ts';
import { parseKubeconfig } from '../formats/kubeconfig.ts';
import { readBundle } from '../formats/pem.ts';
import { errnoOf } from '../host/errno.ts';
import { toBytes, toText } from '../rotation/bytes.ts';
import { factsOf } from '../rotation/facts.ts';
import { rowContext, seenWhole } from '../rotation/inventory.ts';
import { ticks } from '../rotation/prove-process.ts';
import { askServer } from '../rotation/prove-requests.ts';
import type { LocalCa } from '../rotation/local-signer.ts';
import type { NodeFacts, RotationNode } from '../rotation/types.ts';
import type { Found, Signing } from './all-plan.ts';
import { signatoryOf, type Signatory } from './by-post.ts';
import { readLocalCas } from './local-ca.ts';
import { discoverHere, missedRow, rowOrAbsent } from './missed.ts';
import { complain } from './output.ts';

export interface SeenHere {
  readonly targets: readonly Target[];
  readonly found: readonly Found[];
  readonly facts: NodeFacts;
  readonly cas: readonly LocalCa[];
  readonly signing: Readonly<Record<CaId, Signing>>;
  readonly notes: readonly string[];
}

/** @throws CertError NotFound when nothing of Kubernetes is on this node */
export function seeNode(node: RotationNode): SeenHere {
  const { files } = node;
  const discovery = discoverHere(node);
  const { targets, missed } = discovery;
  const seen = seenWhole(files);
  const context = rowContext(seen, discovery);
  const found = [
    ...targets.flatMap((target): Found[] => {
      const row = rowOrAbsent(seen, target, context);
      return row === undefined ? [] : [{ id: target.id, row }];
    }),
    ...missed.flatMap((each): Found[] =>
      each.lack === 'no-certificate' ? [] : [{ id: each.id, row: missedRow(each) }],
    ),
  ];
  if (
    found.every(({ row }) => row.state === 'NotPresent') &&
    !missed.some(({ lack }) => lack === 'no-manifest')
  ) {
    throw new CertError(
      'NotFound',
      'no certificate of Kubernetes was found on this node (looked for what the kubelet and /etc/kubernetes/manifests name); run it on a node, or name the files',
    );
  }
  const { cas, signing } = readCas(node, discovery);
  return { targets, found, facts: factsOf(discovery), cas, signing, notes: notesOf(discovery) };
}

/** A kubeconfig with another way to log in is nothing that could be renewed, or that fails. */
const notesOf = (discovery: Discovery): readonly string[] => [
  ...notesBeside(discovery),
  ...discovery.missed.flatMap(({ lack, reason }) => (lack === 'no-certificate' ? [reason] : [])),
];

function readCas(
  node: RotationNode,
  discovery: Discovery,
): { readonly cas: readonly LocalCa[]; readonly signing: Readonly<Record<CaId, Signing>> } {
  const read = caIds.map((id) => ({
    id,
    ...readCa(
      node,
      discovery.cas.find((each) => each.id === id),
      {
        id,
        by: signatoryOf(
          id,
          [...discovery.targets, ...discovery.missed].map(({ id }) => id),
        ),
      },
    ),
  }));
  const of = (id: CaId): Signing => read.find((each) => each.id === id)?.signing ?? { cannot: 'unknown' };
  return {
    cas: read.flatMap(({ cas }) => cas),
    signing: { kubernetes: of('kubernetes'), etcd: of('etcd'), 'front-proxy': of('front-proxy') },
  };
}

interface ReadCa {
  readonly cas: readonly LocalCa[];
  readonly signing: Signing;
}

const cannot = (why: string): ReadCa => ({ cas: [], signing: { cannot: why } });

function readCa(
  node: RotationNode,
  place: Discovery['cas'][number] | undefined,
  { id, by }: { readonly id: CaId; readonly by: Signatory },
): ReadCa {
  if (place === undefined) return cannot(`no ${id} CA is known on this node`);
  const { certPath, keyPath } = place;
  if (node.files.stat(keyPath) === undefined)
    return { cas: [], signing: { cannot: `the key of its CA (${keyPath}) is not on this node`, by } };
  try {
    const cas = readLocalCas(node.files, certPath, keyPath, node.now());
    return { cas, signing: { until: cas[0].certificate.notAfter } };
  } catch (error) {
    if (error instanceof CertError) return cannot(describeError(error));
    throw error;
  }
}

export type Cluster = 'alive' | 'api-dead' | 'kubelet-down';

/** An API server that is made anew is away for less, as a kubelet is that is restarted, or a network that stumbles. */
const lookingMs = 20_000;
const pauseMs = 3000;

/**
 * Whether the kubelet works, and whether the API answers where it looks for it. What is called dead is restarted without
 * a gate, so one bad moment says nothing: every look of twenty seconds must fail, unless the node itself proves that
 * nothing will change. Says on standard error that it is looking. Errors: Aborted.
 */
export async function lookAtCluster(
  node: RotationNode,
  facts: NodeFacts,
  signal: AbortSignal,
): Promise<Cluster> {
  const end = ticks(node) + lookingMs;
  for (let looks = 1; ; looks += 1) {
    const cluster = await lookOnce(node, facts, signal);
    // What is not configured will not be so in a moment either.
    if (facts.kubelet === undefined || facts.kubeletKubeconfig === undefined) return cluster;
    if (cluster === 'alive' || ticks(node) >= end) return cluster;
    if (cluster === 'kubelet-down' && (await isDownForGood(node, facts, signal))) return cluster;
    if (looks === 1) complain(`${silent[cluster]}; looking for ${lookingMs / 1000} s whether it stays so\n`);
    await node.sleep(pauseMs, signal);
  }
}

const silent = {
  'api-dead': 'the API does not answer where the kubelet of this node looks for it',
  'kubelet-down': 'the kubelet of this node does not answer',
} as const;

/**
 * One in its bootstrap loop, or one that exits at once, has no open port. And an API that does not answer: a kubelet that
 * was started without it does not act on manifests.
 */
async function lookOnce(node: RotationNode, facts: NodeFacts, signal: AbortSignal): Promise<Cluster> {
  const { kubelet, kubeletKubeconfig } = facts;
  if (kubelet === undefined || node.processes.find('kubelet').length === 0) return 'kubelet-down';
  if (!(await answers(() => node.probes.handshake(kubelet, signal)))) return 'kubelet-down';
  if (kubeletKubeconfig === undefined) return 'api-dead';
  const isAlive = await answers(async () => {
    const { status, where } = await askServer(node, kubeletKubeconfig, { path: '/readyz' }, signal);
    // Whoever has no anonymous access gets 401 of one that works.
    if (status >= 500) throw new CertError('Unreachable', `${where} is not ready`);
  });
  return isAlive ? 'alive' : 'api-dead';
}

/**
 * A kubelet whose client certificate has expired exits at every start (R15), unless it may ask for a first one. That its
 * port refuses says that none runs from before. So it is no restart that one sees, and nobody need wait for its end. There
 * is no such proof for the API: what it answers with lies on other nodes too.
 */
async function isDownForGood(
  node: RotationNode,
  { kubelet, kubeletKubeconfig }: NodeFacts,
  signal: AbortSignal,
): Promise<boolean> {
  if (kubelet === undefined || kubeletKubeconfig === undefined) return false;
  const bootstrap = posix.join(posix.dirname(kubeletKubeconfig), 'bootstrap-kubelet.conf');
  if (node.files.stat(bootstrap) !== undefined) return false;
  if (!hasExpiredClient(node, kubeletKubeconfig)) return false;
  try {
    await node.probes.handshake(kubelet, signal);
    return false;
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    return errnoOf(error.cause) === 'ECONNREFUSED';
  }
}

function hasExpiredClient({ files, now }: RotationNode, kubeconfig: string): boolean {
  const read = (path: string): Uint8Array => files.read(files.realpath(path));
  try {
    const { users } = parseKubeconfig(toText(read(kubeconfig)), kubeconfig);
    const ends = users.map(({ certificate: source }) => {
      if (source === undefined) return undefined;
      const bytes = source.kind === 'data' ? toBytes(source.pem) : read(source.path);
      return readBundle(bytes).certificate?.notAfter;
    });
    return ends.length > 0 && ends.every((end) => end !== undefined && end <= now());
  } catch (error) {
    if (error instanceof CertError) return false;
    throw error;
  }
}

async function answers(ask: () => Promise<unknown>): Promise<boolean> {
  try {
    await ask();
    return true;
  } catch (error) {
    if (error instanceof CertError && error.code !== 'Aborted') return false;
    throw error;
  }
}
