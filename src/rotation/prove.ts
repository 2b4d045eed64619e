// What counts as proof (R20), row by row: one look at the live processes. The driver looks again until all rows hold or
// the component's time is up. The same rows with the old serials prove that a roll back serves.
import { CertError, describeError } from '../errors.ts';
import type { CertificateId, Component } from '../catalogue/ids.ts';
import type { ProcessInfo } from '../host/processes.ts';
import { isSignedByNodesCa } from './accept.ts';
import type { JournalCertificate } from './journal.ts';
import { describeLocation, readLive } from './material.ts';
import { askKubeconfig, askKubelet, askReadyz, askVersion } from './prove-requests.ts';
import { processesThatSee, startedAfter, type Since } from './prove-process.ts';
import { endpointOf, loopbackName, shownAt } from './shown.ts';
import { stageRules, type StageName } from './stages.ts';
import type { NodeFacts, RotationNode } from './types.ts';

/** What is to be seen. */
export interface Expectation {
  readonly stage: StageName;
  readonly certificates: readonly JournalCertificate[];
  readonly side: 'new' | 'old';
  /** Processes that read the files must have started after this; undefined: they need not have been restarted. */
  readonly since: Since | undefined;
  readonly facts: NodeFacts;
}

export interface Look {
  readonly index: number;
  readonly proved: boolean;
  /** What was seen, or what is missing. */
  readonly text: string;
}

/** A row that holds says what was seen; one that does not throws NotProved or Unreachable. */
type Row = (context: RowContext) => Promise<string>;

interface RowContext {
  readonly node: RotationNode;
  readonly expected: Expectation;
  readonly certificate: JournalCertificate;
  readonly serial: string;
  readonly signal: AbortSignal;
}

/** One look at everything that a stage must show. Errors: Aborted; all else is in the looks. */
export async function look(
  node: RotationNode,
  expected: Expectation,
  signal: AbortSignal,
): Promise<readonly Look[]> {
  return await Promise.all(
    expected.certificates.map(async (certificate, index): Promise<Look> => {
      if (certificate.rotatedByKubelet === true)
        return { index, proved: true, text: 'the kubelet had renewed it by itself' };
      const serial = expected.side === 'new' ? certificate.newSerial : certificate.oldSerial;
      try {
        const row = rowOf(certificate.id);
        const text = await row({ node, expected, certificate, serial, signal });
        return { index, proved: true, text };
      } catch (error) {
        if (error instanceof CertError && error.code === 'Aborted') throw error;
        return { index, proved: false, text: describeError(error) };
      }
    }),
  );
}

const rows: Readonly<Record<CertificateId, Row>> = {
  'etcd/server.crt': served,
  'etcd/peer.crt': served,
  'etcd/healthcheck-client.crt': async ({ node, expected, certificate, signal }) => {
    const endpoint = need(expected.facts.etcdClient, 'the address of etcd');
    const client = readLive(node.files, certificate.location);
    const { status } = await node.probes.request({ ...endpoint, client, path: '/health' }, signal);
    if (status !== 200) throw notProved(`etcd answered /health with status ${status}`);
    return `etcd answered /health to it`;
  },
  'apiserver.crt': async (context) => {
    const process = startedComponent(context, 'kube-apiserver');
    const shown = await served(context);
    await askReadyz(context.node, context.expected.facts, '/readyz', context.signal);
    return join(shown, process, await loopback(context));
  },
  'apiserver-etcd-client.crt': (context) => usedByApiserver(context),
  'front-proxy-client.crt': (context) => usedByApiserver(context),
  'apiserver-kubelet-client.crt': async (context) => {
    const process = startedComponent(context, 'kube-apiserver');
    const { node, expected, certificate, signal } = context;
    return join(await askKubelet(node, expected.facts, certificate.location, signal), process);
  },
  'controller-manager.conf': (context) => usedKubeconfig(context, 'kube-controller-manager'),
  'scheduler.conf': (context) => usedKubeconfig(context, 'kube-scheduler'),
  'admin.conf': (context) => administrator(context),
  'super-admin.conf': (context) => administrator(context),
  '/root/.kube/config': (context) => administrator(context),
  'kubelet.crt': async (context) => {
    const process = startedComponent(context, 'kubelet');
    return join(await served(context), process);
  },
  'kubelet-client-current.pem': async (context) => {
    const process = startedComponent(context, 'kubelet');
    const { node, expected, certificate, signal } = context;
    const path = need(expected.facts.kubeletKubeconfig, "the kubelet's kubeconfig");
    const client = readLive(node.files, certificate.location);
    return join(await askVersion(node, { kubeconfig: path, client }, signal), process);
  },
};

function rowOf(id: CertificateId | undefined): Row {
  // Files that a person named: nothing live is known of them, and what to restart next is said instead.
  return id === undefined ? () => Promise.resolve('the file holds it') : rows[id];
}

async function served(context: RowContext): Promise<string> {
  const { node, expected, certificate, serial, signal } = context;
  const endpoint = certificate.id === undefined ? undefined : endpointOf(certificate.id, expected.facts);
  const target = need(endpoint, 'the address of the endpoint');
  const shown = await shownAt(node, certificate, target, signal);
  const where = `${target.host}:${target.port}`;
  if (shown.serial !== serial) throw notProved(`${where} shows serial ${shown.serial}, not ${serial}`);
  // A serial is a number that anybody can write into a certificate of their own.
  const { caPaths } = expected.facts;
  const isJudged = expected.side === 'new' && certificate.id !== undefined && caPaths !== undefined;
  if (isJudged && !isSignedByNodesCa(node, expected.facts, certificate.id, shown))
    throw notProved(`${where} shows serial ${serial}, but this node's CA did not sign that certificate`);
  return `handshake with ${where} shows serial ${serial}`;
}

async function usedByApiserver(context: RowContext): Promise<string> {
  const process = startedComponent(context, 'kube-apiserver');
  const ready = await askReadyz(context.node, context.expected.facts, '/readyz/etcd', context.signal);
  return join(ready, process);
}

async function usedKubeconfig(context: RowContext, program: Component): Promise<string> {
  const process = startedComponent(context, program);
  return join(await administrator(context), process);
}

async function administrator({ node, certificate, signal }: RowContext): Promise<string> {
  if (certificate.location.form === 'kubeconfig')
    return await askKubeconfig(node, certificate.location, signal);
  throw notProved(`no kubeconfig is known that names ${certificate.id ?? 'the file'}`);
}

/**
 * Processes started after the files that see their bytes. Without a moment nothing is asked of them.
 *
 * @throws CertError NotProved when there is none
 */
export function startedProcesses(
  context: Pick<RowContext, 'node' | 'expected' | 'certificate'>,
  program: Component,
): readonly ProcessInfo[] {
  const { node, expected, certificate } = context;
  if (expected.since === undefined) return [];
  const candidates = startedAfter(node, program, expected.since);
  if (candidates.length === 0)
    throw notProved(`no ${program} was started since ${expected.since.at.toISOString()}`);
  // The kubelet runs on the node itself: what it sees is what we see.
  if (program === 'kubelet') return candidates;
  const { location } = certificate;
  const manifest = expected.facts.manifests[program];
  const seen = processesThatSee(node, candidates, { location, manifest });
  if (seen.length === 0)
    throw notProved(`${program} does not see ${describeLocation(location)} as it lies on the disk`);
  return seen;
}

function startedComponent(context: RowContext, program: Component): string {
  const [first] = startedProcesses(context, program);
  return first === undefined ? '' : `${program} was started at ${first.startedAt.toISOString()}`;
}

/** kube-apiserver makes its loopback certificate at its start, with notBefore an hour back (client-go cert.go). */
async function loopback(context: RowContext): Promise<string> {
  const { node, expected, serial, signal } = context;
  if (expected.since === undefined) return '';
  const endpoint = need(expected.facts.apiserver, 'the address of the API server');
  const shown = await node.probes.handshake({ ...endpoint, serverName: loopbackName }, signal);
  if (!(shown.subject.commonName ?? '').startsWith(loopbackName)) {
    // One that has no certificate for a name answers with its serving one; then it has none that could be old, and the
    // start of the process is proof enough. Any other answer is not of the server that we have restarted.
    if (shown.serial === serial) return 'it has no loopback certificate of its own';
    throw notProved(`SNI ${loopbackName} is answered with a certificate of ${shown.subject.text}`);
  }
  // The clock may have been set between the swap and the start: both are read by it, the earlier one counts.
  const starts = startedProcesses(context, 'kube-apiserver').map(({ startedAt }) => startedAt.getTime());
  const hourAndMore = 65 * 60 * 1000;
  if (shown.notBefore.getTime() < Math.min(expected.since.at.getTime(), ...starts) - hourAndMore)
    throw notProved(
      `the loopback certificate is of ${shown.notBefore.toISOString()}: an older process answers`,
    );
  return `loopback certificate of ${shown.notBefore.toISOString()}`;
}

function need<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw notProved(`${what} is not known`);
  return value;
}

const notProved = (message: string): CertError => new CertError('NotProved', message);

const join = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('; ');

/** Whether a stage waits for a process that was started anew. */
export function needsStart(stage: StageName): boolean {
  return stageRules[stage].steps.some((step) => step === 'annotate' || step === 'restart');
}
