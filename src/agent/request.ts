// `cert-renew agent request`: new keys, certificates from the controller, both laid in the host directory. The only face
// with a token, and it writes nothing but the host directory.
import { entryOf } from '../catalogue/table.ts';
import { discoverNode } from '../host/discovery.ts';
import type { HostLayout } from '../host/layout.ts';
import { isSignedBy } from '../pki/verify.ts';
import { prepare } from '../rotation/driver.ts';
import { findJournal } from '../rotation/journal.ts';
import { factsOf } from '../rotation/facts.ts';
import { sleep } from '../rotation/real-node.ts';
import type { Prepared, RotationOrder, Signer } from '../rotation/types.ts';
import { inClusterApi } from './api.ts';
import { clusterSigner } from './cluster-signer.ts';
import { certificateIdsOf, needed, say, seenNode, type Environment, type SeenNode } from './face.ts';
import { encodeMessage } from './message.ts';
import { env, type DoneResult } from './protocol.ts';
import { forgetRefusal, leaveRefusal } from './refusal.ts';
import { locked, rotationNode } from './rotation-node.ts';
import { readAuthorities } from '../rotation/inventory.ts';
import { selectTargets } from './select.ts';
import { cutBytes } from '../formats/text.ts';
import { CertError } from '../errors.ts';

export async function run(environment: Environment, signal: AbortSignal): Promise<number> {
  return await say(
    environment,
    async () => {
      const node = seenNode(environment);
      const message = await locked(node, signal, () => request(node, environment, signal));
      const done: DoneResult = { schema: 1, message };
      return encodeMessage(done);
    },
    1,
  );
}

async function request(node: SeenNode, environment: Environment, signal: AbortSignal): Promise<string> {
  const rotation = rotationNode(environment, node);
  const rotationUID = needed(environment, env.rotationUID);
  forgetRefusal(node.files, rotation.layout);
  if (hasEnded(node, rotation.layout, rotationUID)) return 'this rotation is at its end already';
  const discovery = discoverNode(node.files, node.isReachable);
  const selection = selectTargets(node, discovery, certificateIdsOf(environment));
  let prepared: Prepared;
  if (selection.kind === 'refused') {
    prepared = { kind: 'outcome', outcome: selection.outcome };
  } else {
    const order: RotationOrder = {
      targets: selection.targets,
      notes: selection.notes,
      facts: factsOf(discovery),
      keyPolicy: choice(environment, env.keyPolicy, ['new', 'keep']),
      kubeletRestart: choice(environment, env.kubeletRestart, ['always', 'auto']),
      origin: 'agent',
      ...clientPlanned(environment),
      nodeUID: needed(environment, env.nodeUID),
      rotationUID,
    };
    const authorities = readAuthorities(node, discovery.cas);
    prepared = await prepare(rotation, order, signerFor(environment, authorities), signal);
  }
  if (prepared.kind === 'prepared') return cutBytes(['prepared', ...prepared.notes].join('; '), 1500);
  if (prepared.kind === 'unfinished')
    return 'an interrupted rotation lies here and is taken to its end first';
  leaveRefusal(node.files, rotation.layout, rotationUID, prepared.outcome);
  return cutBytes(prepared.outcome.message, 1500);
}

/** @throws CertError Usage */
function clientPlanned(environment: Environment): Pick<RotationOrder, 'clientPlanned'> {
  const text = environment[env.clientPlanned] ?? '';
  if (text === '') return {};
  const [serial = '', end = ''] = text.split(' ');
  const notAfter = new Date(end);
  if (!/^[0-9a-f]+$/.test(serial) || Number.isNaN(notAfter.getTime()))
    throw new CertError('Usage', `${env.clientPlanned}=${text} is not a serial and a time`);
  return { clientPlanned: { serial, notAfter } };
}

/** After a power loss the Pod begins anew, although `apply` was done: nothing is renewed twice. */
function hasEnded({ files }: SeenNode, layout: HostLayout, rotationUID: string): boolean {
  const found = findJournal(files, layout);
  return (
    found.kind === 'journal' && found.journal.state === 'done' && found.journal.rotationUID === rotationUID
  );
}

function signerFor(environment: Environment, authorities: ReturnType<typeof readAuthorities>): Signer {
  return clusterSigner({
    api: inClusterApi(environment),
    rotationName: needed(environment, env.rotationName),
    isOurs: ({ id, oldCertificate }) =>
      id !== undefined && authorities[entryOf(id).ca].some((ca) => isSignedBy(oldCertificate, ca)),
    sleep,
  });
}

/** One of the words that a variable may be; the first when it is absent. @throws CertError Usage */
function choice<T extends string>(environment: Environment, name: string, words: readonly [T, ...T[]]): T {
  const text = environment[name] ?? '';
  const word = text === '' ? words[0] : words.find((each) => each === text);
  if (word !== undefined) return word;
  throw new CertError('Usage', `${name}=${text} is not one of ${words.join(', ')}`);
}
