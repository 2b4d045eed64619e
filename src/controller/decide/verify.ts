// The controller's own look at what the agent has proved (R20): 6443 and 10250 must show the new serials from here, and
// a control plane must be well again before the next one may go.
import type { CertificateRotation, RenewedCertificate } from '../../kube/types.ts';
import type { Action, LiveSerials } from '../world.ts';
import { manageableOf } from './candidates.ts';
import { end, withCondition } from './status.ts';
import type { NodeView, View } from './view.ts';

/** Beside the time that a component has to come back: a pass of the loop and a handshake that is tried again. */
const grace = 60_000;

interface Doubt {
  readonly reason: 'NotProved' | 'ComponentDidNotReturn';
  readonly message: string;
}

type Check = (rotation: CertificateRotation, node: NodeView, view: View) => Doubt | undefined;

const checks: readonly Check[] = [
  everyCertificateIsOurs, //   each that was asked for, with a serial that we signed
  apiServerShowsNewSerial, //  handshake on 6443
  kubeletShowsNewSerial, //    handshake on 10250
  controlPlaneIsWell, //       its API server is ready, its etcd member healthy
  nodeIsReady,
];

/** Nothing while it is still in doubt and there is time. */
export function verify(rotation: CertificateRotation, node: NodeView, view: View): Action[] {
  const { now, configuration } = view.world;
  const doubts = checks.flatMap((check) => check(rotation, node, view) ?? []);
  const [first] = doubts;
  if (first === undefined) return succeed(rotation, now);
  const limit = configuration.componentTimeout + grace;
  if (now.getTime() - verifyingSince(rotation, now) <= limit) return [];
  const { reason } = first;
  const message = `the agent has proved it, but seen from the controller: ${doubts.map((doubt) => doubt.message).join('; ')}`;
  const verified = { type: 'Verified', status: 'False', reason, message } as const;
  const conditions = withCondition(rotation, verified, now);
  return end(rotation, { phase: 'Failed', reason, message }, now, { conditions });
}

function succeed(rotation: CertificateRotation, now: Date): Action[] {
  const renewed = (rotation.status?.certificates ?? []).map(({ id }) => id).join(', ');
  const byKubelet = rotation.status?.conditions?.some(
    ({ type, reason: told }) => type === 'Running' && told === 'KubeletRotated',
  );
  const message = byKubelet
    ? `the kubelet had renewed by itself: ${renewed}`
    : `renewed and proved: ${renewed}`;
  const reason = byKubelet ? 'KubeletRotated' : 'Renewed';
  const verified = { type: 'Verified', status: 'True', reason, message } as const;
  const conditions = withCondition(rotation, verified, now);
  return end(rotation, { phase: 'Succeeded', reason, message }, now, { conditions });
}

function verifyingSince({ status }: CertificateRotation, now: Date): number {
  const since = status?.conditions?.find(({ type }) => type === 'Verified')?.lastTransitionTime;
  return since === undefined ? now.getTime() : Date.parse(since);
}

/**
 * The agent's list is its own word: each certificate that was asked for, and that the node had, must be in it with a
 * serial that we signed for this rotation. The kubelet may have been quicker with its own (R2), and what was left as it is
 * must be named with the reason.
 */
function everyCertificateIsOurs(
  rotation: CertificateRotation,
  node: NodeView,
  { world }: View,
): Doubt | undefined {
  const { metadata, spec, status } = rotation;
  const had = new Set(manageableOf(node, world).map(({ id }) => id));
  const ours = world.signed.get(metadata.name);
  const all = status?.certificates ?? [];
  const isNew = ({ id, oldSerial, newSerial }: RenewedCertificate) =>
    newSerial !== undefined &&
    newSerial !== oldSerial &&
    (id === 'kubelet-client-current.pem' || ours?.has(`${id} ${newSerial}`) === true);
  const isDone = (id: string) => {
    const told = all.filter((one) => one.id === id);
    return told.length > 0 ? told.every(isNew) : status?.message?.includes(id) === true;
  };
  const doubtful = spec.certificates.filter((id) => had.has(id) && !isDone(id));
  if (doubtful.length === 0 && all.some(isNew)) return undefined;
  const which = doubtful.length === 0 ? 'any certificate' : doubtful.join(', ');
  return { reason: 'NotProved', message: `we signed no new certificate that it has for ${which}` };
}

function apiServerShowsNewSerial(
  rotation: CertificateRotation,
  node: NodeView,
  view: View,
): Doubt | undefined {
  return shows(renewed(rotation, 'apiserver.crt'), 'the API server', node, view, (live) => live.apiServer);
}

function kubeletShowsNewSerial(rotation: CertificateRotation, node: NodeView, view: View): Doubt | undefined {
  return shows(renewed(rotation, 'kubelet.crt'), 'the kubelet', node, view, (live) => live.kubelet);
}

function shows(
  certificate: RenewedCertificate | undefined,
  who: string,
  node: NodeView,
  view: View,
  serialOf: (live: LiveSerials) => string | undefined,
): Doubt | undefined {
  if (certificate?.newSerial === undefined) return undefined;
  const live = view.world.liveSerials.get(node.name);
  const serial = live === undefined ? undefined : serialOf(live);
  if (serial === certificate.newSerial) return undefined;
  const shown = serial === undefined ? 'does not answer' : `shows serial ${serial}`;
  return {
    reason: 'NotProved',
    message: `${who} of ${node.name} ${shown}, not ${certificate.newSerial}`,
  };
}

function renewed({ status }: CertificateRotation, id: string): RenewedCertificate | undefined {
  return status?.certificates?.find((certificate) => certificate.id === id);
}

function controlPlaneIsWell(_: CertificateRotation, node: NodeView, view: View): Doubt | undefined {
  if (node.role !== 'control-plane') return undefined;
  const { health } = view.world;
  if (health === undefined) {
    return { reason: 'ComponentDidNotReturn', message: 'the health of the cluster is not known' };
  }
  const problem = health.apiServers.get(node.name) ?? health.etcd.get(node.name);
  if (problem === undefined) return undefined;
  return { reason: 'ComponentDidNotReturn', message: `${node.name} is not well: ${problem}` };
}

function nodeIsReady(_: CertificateRotation, node: NodeView): Doubt | undefined {
  if (node.ready) return undefined;
  return { reason: 'ComponentDidNotReturn', message: `node ${node.name} is not Ready` };
}
