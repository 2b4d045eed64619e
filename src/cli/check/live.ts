// What runs with which certificate: asked of this node's own endpoints and processes, all at once, each with a short
// time. What does not answer is not running; nothing here is an error.
import type { Component, Target } from '../../catalogue/ids.ts';
import { entryOf } from '../../catalogue/table.ts';
import { CertError, describeError } from '../../errors.ts';
import type { Certificate } from '../../pki/certificate.ts';
import type { Endpoint, NodeFacts, RotationNode } from '../../rotation/types.ts';
import { certificateFiles, isAfter, processesOf, processesThatSee } from '../../rotation/prove-process.ts';
import { endpointOf, isServing, loopbackName, shownAt } from '../../rotation/shown.ts';
import type { Use } from './picture.ts';
import { rfc3339 } from '../../pki/time.ts';

const timeoutMs = 2000;

export interface LiveNode extends RotationNode {
  /** Whether an address is one of this machine's: no other is asked. */
  isOwnAddress(host: string): boolean;
}

export interface LiveFacts extends NodeFacts {
  /** The kubelet takes up by itself what it has renewed by itself. */
  readonly kubeletRenewsItself: boolean;
}

/** @param serial of the certificate in the file. Errors: Aborted. */
export async function useOf(
  node: LiveNode,
  facts: LiveFacts,
  target: Target,
  file: Pick<Certificate, 'serial' | 'notBefore'>,
  signal: AbortSignal,
): Promise<Use> {
  const { component } = entryOf(target.id);
  if (component === 'none') return { kind: 'none' };
  try {
    if (isServing(target.id)) return await servedUse(node, facts, target, file, signal);
    return processUse(node, facts, target, component);
  } catch (error) {
    return failedUse(error);
  }
}

function failedUse(error: unknown): Use {
  if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
  return { kind: 'unknown', text: describeError(error) };
}

async function servedUse(
  node: LiveNode,
  facts: LiveFacts,
  target: Target,
  file: Pick<Certificate, 'serial' | 'notBefore'>,
  signal: AbortSignal,
): Promise<Use> {
  const endpoint = endpointOf(target.id, facts);
  if (endpoint === undefined) return { kind: 'unknown', text: 'its address is not known' };
  const where = `${endpoint.host}:${endpoint.port}`;
  if (!node.isOwnAddress(endpoint.host)) {
    return {
      kind: 'unknown',
      text: `${endpoint.host}, which its configuration names, is not an address of this node`,
    };
  }
  const shown = await ask(node, target, endpoint, signal);
  if (typeof shown === 'string') return whyNoAnswer(node, entryOf(target.id).component, shown);
  if (shown.serial === file.serial) return { kind: 'same', text: `${where} shows it` };
  const age = shown.notBefore < file.notBefore ? 'an older one' : 'another one';
  const { serial } = shown;
  const notAfter = rfc3339(shown.notAfter);
  return {
    kind: 'older',
    text: `${where} shows ${age}, serial ${serial}, that ends ${notAfter}`,
    serial,
    notAfter,
  };
}

/** The certificate, or why there is none. */
async function ask(
  node: LiveNode,
  target: Target,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<Certificate | string> {
  try {
    return await shownAt(node, target, { ...endpoint, timeoutMs }, signal);
  } catch (error) {
    if (error instanceof CertError && error.code === 'Unreachable') return error.message;
    throw error;
  }
}

function whyNoAnswer(node: LiveNode, component: Component, why: string): Use {
  if (node.processes.find(component).length > 0) return { kind: 'unknown', text: why };
  return { kind: 'stopped', text: `${component} is not running` };
}

/** Clients read their certificate at their start; static Pods see single files through a mount of their own. */
function processUse(node: LiveNode, facts: LiveFacts, { id, location }: Target, component: Component): Use {
  const manifest = facts.manifests[component];
  const processes = processesOf(node, component, manifest);
  if (processes.length === 0) return { kind: 'stopped', text: `${component} is not running` };
  const since = { at: writtenAt(node, certificateFiles(location)) };
  const earlier = processes.find((each) => !isAfter(each, since, undefined));
  if (earlier !== undefined) {
    if (id === 'kubelet-client-current.pem' && facts.kubeletRenewsItself)
      return { kind: 'by-itself', text: 'the kubelet takes up by itself what it renewed by itself' };
    return {
      kind: 'older',
      text: `${component} was started at ${earlier.startedAt.toISOString()}, before the file was written`,
    };
  }
  if (component !== 'kubelet' && processesThatSee(node, processes, { location, manifest }).length === 0)
    return { kind: 'older', text: `${component} still sees the file that was there before` };
  return { kind: 'same', text: `${component} was started after the file was written` };
}

function writtenAt({ files }: LiveNode, paths: readonly string[]): Date {
  const times = paths.map((path) => files.stat(path)?.mtimeNs ?? 0n);
  return new Date(Number(times.reduce((a, b) => (a > b ? a : b), 0n) / 1_000_000n));
}

/** The certificate that a running API server made for itself; undefined when none is shown. Errors: Aborted. */
export async function loopbackCertificate(
  node: LiveNode,
  { apiserver }: LiveFacts,
  signal: AbortSignal,
): Promise<Certificate | undefined> {
  if (apiserver === undefined || !node.isOwnAddress(apiserver.host)) return undefined;
  try {
    const shown = await node.probes.handshake({ ...apiserver, serverName: loopbackName, timeoutMs }, signal);
    return (shown.subject.commonName ?? '').startsWith(loopbackName) ? shown : undefined;
  } catch (error) {
    if (error instanceof CertError && error.code === 'Unreachable') return undefined;
    throw error;
  }
}
