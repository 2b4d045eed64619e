// What a node can tell of a stage without the API and without etcd (R15): its files fit, its CA signed them, and its
// component was started after them and lives.
import { readBundle } from '../formats/pem.ts';
import { CertError, describeError } from '../errors.ts';
import { isSignedByNodesCa } from './accept.ts';
import { toBytes } from './bytes.ts';
import type { JournalCertificate } from './journal.ts';
import { unfitOf } from './journal-check.ts';
import { describeLocation, readLive } from './material.ts';
import { needsStart, startedProcesses, type Expectation } from './prove.ts';
import { stageRules } from './stages.ts';
import type { RotationNode } from './types.ts';

/** Empty when all of it holds. Errors: Aborted. */
export async function whatIsWrongHere(
  node: RotationNode,
  expected: Expectation,
  signal: AbortSignal,
): Promise<string> {
  const { certificates, stage, facts } = expected;
  const wrong = [
    ...unfitOf(node, certificates),
    ...certificates.flatMap((certificate) => whyWrongFile(node, expected, certificate)),
  ];
  if (wrong.length > 0) return wrong.join('; ');
  if (!needsStart(stage)) return '';
  const { component } = stageRules[stage];
  try {
    for (const certificate of certificates) startedProcesses({ node, expected, certificate }, component);
    if (component === 'kubelet' && facts.kubelet !== undefined)
      await node.probes.handshake(facts.kubelet, signal);
    return '';
  } catch (error) {
    if (!(error instanceof CertError) || error.code === 'Aborted') throw error;
    return describeError(error);
  }
}

function whyWrongFile(
  node: RotationNode,
  { facts }: Expectation,
  { id, location, newSerial }: JournalCertificate,
): string[] {
  const where = describeLocation(location);
  try {
    const { certificate } = readBundle(toBytes(readLive(node.files, location).certificate));
    if (certificate?.serial !== newSerial) return [`${where} does not hold the new certificate any more`];
    const isOurs = id === undefined || isSignedByNodesCa(node, facts, id, certificate);
    return isOurs ? [] : [`${where} was not signed by this node's CA`];
  } catch (error) {
    if (!(error instanceof CertError)) throw error;
    return [describeError(error)];
  }
}
