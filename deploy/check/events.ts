// Who may say what of a Pod in the name of a node: the node's kubelet alone.
import { allowed, denied, namespace } from './kubectl.ts';

const asNode = (node: string): string[] => [`--as=system:node:${node}`, '--as-group=system:nodes'];

function event(source: object, name: string): object {
  const about = { kind: 'Pod', apiVersion: 'v1', name: 'check', namespace, uid: 'check' };
  const said = { type: 'Warning', reason: 'FailedMount', message: 'check' };
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    involvedObject: about,
    source,
    ...said,
  };
}

/** `node`: the name of one that is there. */
export function checkEvents(node: string): void {
  const own = event({ component: 'kubelet', host: node }, 'check-of-a-node');
  allowed('a node says something of a Pod in its own name', own, asNode(node));
  denied('a node says something in the name of another', own, asNode(`${node}-other`));
  denied('an administrator says something in the name of a node', own);
  allowed('somebody says something in no node’s name', event({ component: 'check' }, 'check-of-nobody'));
}
