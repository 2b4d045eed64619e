// The CAs that the nodes have: one entry for each certificate that was found, with who has it and what it signs.
import { caIds, type CaId } from '../catalogue/ids.ts';
import { caEndsSoonFrom } from '../policy/ending.ts';
import { message, type Message } from './messages/message.ts';
import type { Seen } from './picture.ts';

const day = 86_400_000;

export interface Authority {
  readonly ca: CaId | 'other';
  readonly subject: string;
  readonly serial: string;
  readonly sha256: string;
  readonly notBefore: string;
  readonly notAfter: string;
  readonly keyAlgorithm: string;
  /** How many nodes have it. */
  readonly nodes: number;
  /** Whether it is what the controller has accepted; undefined: the record was not read. */
  readonly record: { readonly is: 'this' | 'other' | 'none'; readonly text: Message } | undefined;
  /** A node that has it. */
  readonly on: string;
  readonly path: string;
  /** Leaves on those nodes that say they are signed by the CA of this name. */
  readonly signed: number;
  readonly state: 'fine' | 'ending' | 'soon' | 'expired';
  readonly text: Message;
}

export function authoritiesOf(seen: Seen): readonly Authority[] {
  const found = new Map<string, Authority & { nodes: number; signed: number }>();
  for (const { name, certificates } of seen.nodes) {
    // One file may be named by two components.
    const own = new Set<string>();
    for (const { row } of certificates) {
      if (row.kind !== 'ca' || row.sha256 === '' || own.has(row.sha256)) continue;
      own.add(row.sha256);
      let known = found.get(row.sha256);
      if (known === undefined) {
        const { subject, serial, sha256, notBefore, notAfter, keyAlgorithm, path } = row;
        const told = { subject, serial, sha256, notBefore, notAfter, keyAlgorithm, path };
        const ca = row.ca ?? 'other';
        const judged = { ...stateOf(ca, notAfter, seen), record: recordOf(ca, sha256, seen) };
        known = { ...told, ca, on: name, nodes: 0, signed: 0, ...judged };
        found.set(sha256, known);
      }
      known.nodes += 1;
      known.signed += certificates.filter(({ row: leaf }) => leaf.kind !== 'ca' && leaf.ca === row.ca).length;
    }
  }
  return [...found.values()].toSorted((a, b) => rank(a) - rank(b) || b.nodes - a.nodes);
}

const rank = ({ ca }: Authority): number => (ca === 'other' ? caIds.length : caIds.indexOf(ca));

/** A CA that ends within the longest lifetime cuts what it signs. Nothing of this cluster leans on one of others. */
function stateOf(
  ca: Authority['ca'],
  notAfter: string,
  { picture }: Seen,
): Pick<Authority, 'state' | 'text'> {
  const [end, now] = [Date.parse(notAfter), picture.now.getTime()];
  const left = end - now;
  const { kubelet, controlPlane } = picture.configuration.settings.lifetimes;
  const values = { at: { at: notAfter }, left: { span: left } };
  if (left <= 0) return { state: 'expired', text: message('ca.expired', values) };
  if (ca !== 'other' && caEndsSoonFrom(end) <= now)
    return { state: 'soon', text: message('ca.soon', values) };
  if (left < Math.max(kubelet, controlPlane) + 30 * day)
    return { state: 'ending', text: message('ca.ending', values) };
  return { state: 'fine', text: message('ca.fine', values) };
}

function recordOf(ca: Authority['ca'], sha256: string, { picture }: Seen): Authority['record'] {
  const { accepted } = picture;
  if (accepted === undefined || ca === 'other') return undefined;
  const recorded = accepted[ca];
  if (recorded === undefined) return { is: 'none', text: message('ca.notRecorded') };
  if (recorded === sha256) return { is: 'this', text: message('ca.recorded') };
  return { is: 'other', text: message('ca.otherRecorded', { sha256: recorded }) };
}
