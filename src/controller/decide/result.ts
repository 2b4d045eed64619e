// What the agent on the node says becomes the status of the rotation. Its word alone is never a success: that needs the
// controller's own look (verify.ts).
import type { Decoded } from '../../agent/message.ts';
import type { RotateResult } from '../../agent/protocol.ts';
import type { CertificateRotation, RenewedCertificate, RotationStatus } from '../../kube/types.ts';
import type { Action } from '../world.ts';
import { manualAdvice } from './manual-line.ts';
import { end, patch, tell, withCondition } from './status.ts';
import type { NodeView, View } from './view.ts';
import { rfc3339 } from '../../pki/time.ts';

interface Case {
  readonly rotation: CertificateRotation;
  readonly node: NodeView;
  readonly view: View;
}

export function concludeResult(one: Case, answer: Decoded<RotateResult>): Action[] {
  const { rotation, view } = one;
  if (answer.kind === 'value') return concludeValue(one, answer.value);
  const message = answer.kind === 'error' ? answer.error.message : 'the result does not fit into its message';
  const refused = answer.kind === 'error' && answer.error.code === 'SigningRefused';
  return end(
    rotation,
    { phase: 'Failed', reason: refused ? 'SigningRefused' : 'AgentFailed', message },
    view.world.now,
  );
}

function concludeValue({ rotation, node, view }: Case, result: RotateResult): Action[] {
  const { now } = view.world;
  const { reason, message } = result;
  const told: Partial<RotationStatus> = {
    steps: result.steps,
    certificates: result.certificates.map(withoutEmpty),
    conditions: withCondition(rotation, { type: 'Running', status: 'False', reason, message }, now),
  };
  switch (result.outcome) {
    case 'succeeded':
      return verifying(rotation, result, told, now);
    case 'nothing-to-do':
      return nothingDone(rotation, result, told, now);
    case 'rolled-back':
      return end(rotation, { phase: 'RolledBack', reason, message }, now, told);
    case 'refused':
      return end(rotation, { phase: 'Failed', reason, message }, now, told);
    case 'needs-manual': {
      const advice = manualAdvice(node, rotation.spec.certificates, view);
      return end(rotation, { phase: 'NeedsManual', reason, message: `${message}; ${advice}` }, now, told);
    }
    default:
      return result.outcome satisfies never;
  }
}

/** What the agent could not read is not told: the API takes no empty text for a time. */
function withoutEmpty(certificate: RotateResult['certificates'][number]): RenewedCertificate {
  const { id, ...told } = certificate;
  return { id, ...Object.fromEntries(Object.entries(told).filter(([, value]) => value !== '')) };
}

/** The kubelet had been quicker (R2): done, there is nothing for us to look at. Otherwise nobody did anything. */
function nothingDone(
  rotation: CertificateRotation,
  result: RotateResult,
  told: Partial<RotationStatus>,
  now: Date,
): Action[] {
  const { reason, message } = result;
  const phase = reason === 'KubeletRotated' ? 'Succeeded' : 'Superseded';
  return end(rotation, { phase, reason, message }, now, told);
}

function verifying(
  rotation: CertificateRotation,
  result: RotateResult,
  told: Partial<RotationStatus>,
  now: Date,
): Action[] {
  const message = `the agent has proved all: ${result.message}`;
  const conditions = withCondition(
    rotation,
    { type: 'Verified', status: 'Unknown', reason: 'Verifying', message },
    now,
    told.conditions,
  );
  return [
    ...patch(rotation, {
      ...told,
      phase: 'Verifying',
      reason: 'Verifying',
      message,
      conditions,
    }),
    ...tell(rotation, 'Normal', 'Verifying', `${message} (${rfc3339(now)})`),
  ];
}
