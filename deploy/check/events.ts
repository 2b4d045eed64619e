// Who may say what of a Pod in the name of a node: the node's kubelet alone.
import type { Event } from 'kubernetes-types/core/v1.js';
import { namespace, type Who } from './api.ts';
import { allowed, denied } from './report.ts';

const asNode = (node: string): Who => ({ user: `system:node:${node}`, group: 'system:nodes' });

function event(source: object, name: string): Event {
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
export async function checkEvents(node: string): Promise<void> {
  const own = event({ component: 'kubelet', host: node }, 'check-of-a-node');
  await allowed('a node says something of a Pod in its own name', own, asNode(node));
  await denied('a node says something in the name of another', own, asNode(`${node}-other`));
  await denied('an administrator says something in the name of a node', own);
  await allowed(
    'somebody says something in no node’s name',
    event({ component: 'check' }, 'check-of-nobody'),
  );
}
