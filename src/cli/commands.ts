// The commands of cert-renew, as data: what each is for, and the module that does it, loaded when it is asked for.
import type { CommandModule } from './grammar.ts';

export interface CommandEntry {
  /** Undefined: for machines, in no help. */
  readonly summary: string | undefined;
  readonly usage: string;
  /** It names a CA itself: as the first word it is the command, also with --ca-cert. */
  readonly ownsCa?: boolean;
  readonly load: () => Promise<CommandModule>;
}

export const commands: Readonly<Record<string, CommandEntry>> = {
  check: {
    usage: 'check [FILE...]',
    summary: 'until when this node is safe, and what to do next',
    load: () => import('./check.ts'),
  },
  all: {
    usage: 'all [--dry-run]',
    summary: 'renew all that is due on this node, restart, prove',
    load: () => import('./all.ts'),
  },
  request: {
    usage: 'request [FILE...]',
    summary: 'without the CA key here: ask for kubelet certificates',
    load: () => import('./request.ts'),
  },
  sign: {
    usage: 'sign REQUEST',
    summary: 'on a control plane: answer requests, after showing them',
    ownsCa: true,
    load: () => import('./sign.ts'),
  },
  install: {
    usage: 'install RESPONSE',
    summary: 'put the answer in place, restart the kubelet, prove it',
    load: () => import('./install.ts'),
  },
  restore: {
    usage: 'restore [BACKUP]',
    summary: 'put the files of a backup back, or list them',
    load: () => import('./restore.ts'),
  },
  completion: {
    usage: 'completion bash|zsh',
    summary: 'a script by which a shell completes all this',
    load: () => import('./completion.ts'),
  },
  version: { usage: 'version', summary: 'what this program is', load: () => import('./version.ts') },
  resume: { usage: 'resume', summary: undefined, load: () => import('./resume.ts') },
};

/** The manual's own command has no name. */
export const renewEntry: CommandEntry = {
  usage: '--ca-cert P --ca-key P [--days N] FILE...',
  summary: 'renew just these certificates and kubeconfigs, all or none',
  load: () => import('./renew.ts'),
};
