// What a person may have done, and what is written for it. The dashboard and kubectl's plugin write the same: here it is
// decided, there it is sent.
import { annotations, type CertificateRotation } from '../kube/types.ts';
import type { Seen } from './picture.ts';

export type Action =
  | { readonly action: 'rotate' | 'pause' | 'resume'; readonly node: string }
  | { readonly action: 'approve'; readonly rotation: string };

/** One write to the API; `of` is the kind by its plural. */
export type Write =
  | { readonly verb: 'create'; readonly of: 'certificaterotations'; readonly object: NewRotation }
  | {
      readonly verb: 'annotate';
      readonly of: 'nodes' | 'certificaterotations';
      readonly name: string;
      /** null takes it away (RFC 7386). */
      readonly annotations: Readonly<Record<string, string | null>>;
    };

export interface NewRotation {
  readonly metadata: { readonly generateName: string };
  readonly spec: CertificateRotation['spec'];
}

/** Undefined: there is nothing to renew on that node, or no such node. */
export function writeOf(action: Action, seen: Seen): Write | undefined {
  switch (action.action) {
    case 'rotate':
      return rotate(action.node, seen);
    case 'pause':
      return annotate('nodes', action.node, { [annotations.paused]: 'true' });
    case 'resume':
      return annotate('nodes', action.node, { [annotations.paused]: null });
    case 'approve':
      return annotate('certificaterotations', action.rotation, { [annotations.approved]: 'true' });
    default:
      return action satisfies never;
  }
}

/** Everything of the node that the product renews; it joins the queue and its gates as any other. */
function rotate(nodeName: string, seen: Seen): Write | undefined {
  const node = seen.byName.get(nodeName);
  const certificates = new Set(
    node?.certificates.flatMap(({ id, dueAt }) => (id === undefined || dueAt === undefined ? [] : [id])),
  );
  if (node === undefined || certificates.size === 0) return undefined;
  const spec = { nodeName, nodeUID: node.uid, certificates: [...certificates], reason: 'Manual' as const };
  return {
    verb: 'create',
    of: 'certificaterotations',
    object: { metadata: { generateName: 'by-hand-' }, spec },
  };
}

function annotate(
  of: 'nodes' | 'certificaterotations',
  name: string,
  values: Readonly<Record<string, string | null>>,
): Write {
  return { verb: 'annotate', of, name, annotations: values };
}

/** As Kubernetes names Nodes and rotations (RFC 1123 subdomain). */
export const namePattern = /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/;
export const longestName = 253;
