// The program's help: one screen of 80 × 24, for a person who stands before a dead node.
import { commands, renewEntry } from './commands.ts';

const columns = 24;

export function helpText(): string {
  const lines = Object.values(commands).flatMap(({ usage, summary }) =>
    summary === undefined ? [] : [`  ${usage}`.padEnd(columns) + summary],
  );
  return `cert-renew renews the certificates of a Kubernetes node, also of a dead one.

The certificates and kubeconfigs that you name, all of them or none:
  cert-renew ${renewEntry.usage}

All else by a command, cert-renew COMMAND:
${lines.join('\n')}

Begin with cert-renew check: it changes nothing.
The options of each: cert-renew COMMAND --help, or cert-renew --ca-cert --help.

Exit codes: 0 done; 1 failed, every file is as it was; 2 refused, nothing was
touched; 3 nothing to do; 4 partly done: run it again. Those of check: 0 all
fine, 10 something is due, 11 something has expired, 2 something is unreadable.
`;
}
