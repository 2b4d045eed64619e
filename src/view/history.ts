// What has ended: newest first, each with what became of its certificates and its steps.
import { isTerminal } from '../kube/objects.ts';
import type { CertificateRotation, Phase, RenewedCertificate, StepStatus } from '../kube/types.ts';
import { en } from './messages/en.ts';
import { message, type Message } from './messages/message.ts';
import type { Seen } from './picture.ts';
import { phaseOf, reasonOf } from './waiting.ts';

const isKey = (key: string): key is keyof typeof en => Object.hasOwn(en, key);

/** More than a person reads; each node's page has all of its own. */
const shown = 500;

export interface PastRotation {
  readonly name: string;
  readonly node: string;
  readonly phase: Phase;
  readonly phaseText: Message;
  readonly why: Message | undefined;
  readonly asked: Message;
  /** In the controller's own words. */
  readonly said: string;
  readonly createdAt: string | undefined;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
  readonly certificates: readonly RenewedCertificate[];
}

export interface History {
  readonly total: number;
  readonly rotations: readonly PastRotation[];
}

export function historyOf({ picture }: Seen): History {
  const ended = picture.rotations.filter(isTerminal).toSorted(newestFirst);
  return { total: ended.length, rotations: ended.slice(0, shown).map(pastRotation) };
}

/** What went wrong, the newest first, however much has gone well since. */
export function failuresOf({ picture }: Seen, most: number): readonly PastRotation[] {
  return picture.rotations.filter(hasGoneWrong).toSorted(newestFirst).slice(0, most).map(pastRotation);
}

function hasGoneWrong(rotation: CertificateRotation): boolean {
  const phase = rotation.status?.phase;
  return isTerminal(rotation) && phase !== 'Succeeded' && phase !== 'Superseded';
}

function newestFirst(a: CertificateRotation, b: CertificateRotation): number {
  const [left, right] = [endOf(a), endOf(b)];
  if (left === right) return a.metadata.name < b.metadata.name ? -1 : 1;
  return left < right ? 1 : -1;
}

const endOf = ({ status, metadata }: CertificateRotation): string =>
  status?.finishedAt ?? metadata.creationTimestamp ?? '';

export function pastRotation(rotation: CertificateRotation): PastRotation {
  const { metadata, spec, status } = rotation;
  return {
    name: metadata.name,
    node: spec.nodeName,
    phase: status?.phase ?? 'Pending',
    phaseText: phaseOf(rotation),
    why: reasonOf(status?.reason),
    asked: message(`spec.${spec.reason}`),
    said: status?.message ?? '',
    createdAt: metadata.creationTimestamp,
    startedAt: status?.startedAt,
    finishedAt: status?.finishedAt,
    certificates: status?.certificates ?? spec.certificates.map((id) => ({ id })),
  };
}

export interface Step {
  /** As the node wrote it: `<stage>: <step>`. */
  readonly name: string;
  readonly text: Message | undefined;
  readonly result: string;
  readonly resultText: Message | undefined;
  readonly said: string;
  readonly startedAt: string | undefined;
  readonly finishedAt: string | undefined;
}

export const stepsOf = ({ status }: CertificateRotation): readonly Step[] =>
  (status?.steps ?? []).map(
    ({ name, result = '', message: said = '', startedAt, finishedAt }: StepStatus) => ({
      name,
      text: stepText(name),
      result,
      resultText: messageAt(`result.${result}`),
      said,
      startedAt,
      finishedAt,
    }),
  );

/** Undefined: an agent of another version, whose steps have no words here. */
function stepText(name: string): Message | undefined {
  const [, stage = '', step = ''] = /^([^:]+): (.+)$/.exec(name) ?? [];
  const what = messageAt(`step.${step}`);
  return what && message('log.step', { stage: messageAt(`stage.${stage}`) ?? stage, what });
}

function messageAt(key: string): Message | undefined {
  return isKey(key) ? message(key) : undefined;
}
