// From what the catalogue found on a node to what the procedure needs of it.
import type { Discovery } from '../catalogue/discover.ts';
import type { NodeFacts } from './types.ts';

export function factsOf({ facts, targets, cas }: Pick<Discovery, 'facts' | 'targets' | 'cas'>): NodeFacts {
  const client = targets.find(({ id }) => id === 'apiserver-kubelet-client.crt')?.location;
  const caPaths = Object.fromEntries(cas.map(({ id, certPath }) => [id, certPath]));
  return { ...facts, caPaths, ...(client === undefined ? {} : { apiserverClient: client }) };
}
