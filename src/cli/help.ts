// The program's help: one screen, for a person who stands before a dead node.
import { commands, renewEntry } from './commands.ts';

const exitCodeHelp = `Exit codes: 0 done, 1 failed and restored, 2 refused before anything was touched,
  3 nothing to do, 4 partly done: run it again; check: 0 fine, 10 due, 11 expired, 2 unreadable.`;

export function helpText(): string {
  const shown = [...Object.values(commands), renewEntry].filter(({ summary }) => summary !== undefined);
  const lines = shown.map(({ usage, summary }) => {
    const call = `  cert-renew ${usage}`;
    return call.length > 34 ? `${call}\n${' '.repeat(36)}${summary}` : `${call.padEnd(36)}${summary}`;
  });
  return [
    'cert-renew: renew the certificates of a Kubernetes node, also when the cluster is dead.',
    '',
    ...lines,
    '',
    'The options of each: cert-renew COMMAND --help (cert-renew --ca-cert --help for the last).',
    exitCodeHelp,
    '',
  ].join('\n');
}
