// The labels by which the controller finds its own objects again.
import { createHash } from 'node:crypto';
import { apiGroup } from '../kube/types.ts';

export const labels = {
  /** What a Pod is for: one of PodKind. */
  kind: `${apiGroup}/kind`,
  /** The node's name, or its hash where it is longer than a label value may be. */
  node: `${apiGroup}/node`,
  nodeUID: `${apiGroup}/node-uid`,
  /** UID of the CertificateRotation that a Pod works for. */
  rotation: `${apiGroup}/rotation`,
  /** On a CertificateRotation that the plan made; one without it was made by a person. */
  planned: `${apiGroup}/planned`,
} as const;

/** Longest value that a label may have (RFC 1123 label, as Kubernetes validates it). */
const maxLabelValue = 63;

/** A node's name as label value: itself, or `<start>-<hash>` where it is too long. Node names are DNS subdomains. */
export function nodeLabel(nodeName: string): string {
  return shortName(nodeName, maxLabelValue);
}

/** `text`, or as much of it as fits and ends in a hash of the whole. */
export function shortName(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const start = text.slice(0, limit - 11).replace(/[^a-z0-9]+$/, '');
  return `${start}-${shortHash(text)}`;
}

/** Ten hex digits of sha256: names, not security. */
export function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 10);
}
