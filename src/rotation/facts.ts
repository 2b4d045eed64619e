// From what the catalogue found on a node to what the procedure needs of it.
import type { Discovery } from '../catalogue/discover.ts';
import type { NodeFacts } from './types.ts';

export function factsOf({ facts, targets }: Pick<Discovery, 'facts' | 'targets'>): NodeFacts {
  const client = targets.find(({ id }) => id === 'apiserver-kubelet-client.crt')?.location;
  return { ...facts, ...(client === undefined ? {} : { apiserverClient: client }) };
}
