// Why a rotation stands where it stands, in words: read back from the status that the controller wrote.
import type { CertificateRotation } from '../kube/types.ts';
import { gates, reasons, type Gate, type Reason } from '../policy/reasons.ts';
import { gateMessage, message, reasonMessage, type Message } from './messages/message.ts';

export interface ShutGate {
  readonly gate: Gate;
  /** Gives way to nothing, or to urgency (R13). */
  readonly hard: boolean;
  readonly text: Message;
  /** What the controller says of it: names, numbers. */
  readonly detail: string;
}

const isGate = (text: string): text is Gate => Object.hasOwn(gates, text);
const isReason = (text: string): text is Reason => Object.hasOwn(reasons, text);

const marks = new RegExp(`(?:^waits: |; )(${Object.keys(gates).join('|')}): `, 'g');

/** The gates that hold it, in the order in which the controller tells them; none: it does not wait at one. */
export function gatesOf({ status }: CertificateRotation): readonly ShutGate[] {
  const { phase, reason = '', message: said = '' } = status ?? {};
  if (phase !== 'Pending' || !isGate(reason)) return [];
  const found = [...said.matchAll(marks)];
  const told = found.map((mark, i) => ({
    gate: mark[1] ?? '',
    detail: said.slice(mark.index + mark[0].length, found[i + 1]?.index),
  }));
  const all = told.some(({ gate }) => gate === reason)
    ? told
    : [{ gate: reason, detail: said.replace(/^waits: /, '') }];
  return all.flatMap(({ gate, detail }) => (isGate(gate) ? [shut(gate, detail)] : []));
}

function shut(gate: Gate, detail: string): ShutGate {
  return { gate, hard: gates[gate].hard, text: gateMessage(gate), detail };
}

/** A reason of a status in words. */
export function reasonOf(reason: string | undefined): Message | undefined {
  if (reason === undefined) return undefined;
  if (isGate(reason)) return gateMessage(reason);
  return isReason(reason) ? reasonMessage(reason) : undefined;
}

/** Why it waits, in one message. */
export function whyOf(rotation: CertificateRotation): Message {
  const [gate] = gatesOf(rotation);
  return gate?.text ?? reasonOf(rotation.status?.reason) ?? phaseOf(rotation);
}

export function phaseOf({ status }: CertificateRotation): Message {
  return message(`phase.${status?.phase ?? 'Pending'}`);
}
