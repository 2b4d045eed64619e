// What a restart of this node's API server costs its clients, as far as the node can know it (R22). Its flags say how
// it stops. What a load balancer before it checks, no node can see: that is said where there may be one.
import { serverOf, type Server } from '../formats/kubeconfig.ts';
import type { NodeView } from './node-view.ts';

/** Among the notes of a scan, word for word: they change only when what they say does. */
export const restartNotes = {
  noDelay:
    'kube-apiserver stops at once, since its --shutdown-delay-duration is 0: with each restart a request that a load ' +
    'balancer has just handed to it may fail (measured: 1 of 9,542); with 10s, behind one that checks /readyz, none did',
  balancer:
    'clients reach this API server by another address, maybe a load balancer; what that checks cannot be seen from here: ' +
    'unless it checks /readyz, and TCP alone is not enough, each restart fails the requests that it still hands on',
} as const;

type Address = Pick<Server, 'host' | 'port'>;

export function restartNotesOf(node: NodeView, own: Address | undefined): readonly string[] {
  // A manifest that cannot be read says nothing of its flags.
  if (own === undefined || node.pods.get('kube-apiserver')?.container === undefined) return [];
  const delay = node.flag('kube-apiserver', 'shutdown-delay-duration') ?? '0';
  return [
    // A Go duration is 0 when none of its numbers is anything else.
    ...(/[1-9]/u.test(delay) ? [] : [restartNotes.noDelay]),
    ...(isElsewhere(node.server('/etc/kubernetes/admin.conf'), own) ? [restartNotes.balancer] : []),
  ];
}

function isElsewhere(server: string | undefined, own: Address): boolean {
  const named = serverOf(server);
  if (named === undefined) return false;
  const isHere = named.host === own.host || /^(?:127\.|::1$|localhost$)/u.test(named.host);
  return !isHere || named.port !== own.port;
}
