import { agentServiceAccount, privateNamespace } from '../../kube/types.ts';

/** The only user whose requests are signed. */
export const requester = `system:serviceaccount:${privateNamespace}:${agentServiceAccount}`;
