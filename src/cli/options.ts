// The grammar of `cert-renew --ca-cert … FILE…`, the manual's own command, as a value.
import { resolve } from 'node:path';
import { Command } from 'commander';
import type { HelpText } from './grammar.ts';
import { daysHelp, lockTimeoutOption, parse, readDays, readPath, usage } from './grammar.ts';

export interface RenewOptions {
  /** Absolute paths. */
  readonly files: readonly string[];
  readonly caCert: string;
  readonly caKey: string;
  /** Undefined: 91 for kubelet files, 365 for the others (R24). */
  readonly days: number | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
  readonly newKey: boolean;
  /** Undefined: the host directory's own. */
  readonly backupDirectory: string | undefined;
  readonly backup: boolean;
  readonly lockTimeoutMs: number;
}

/**
 * Reads the arguments after the program's name. Every operand is a FILE, whatever its name.
 *
 * @throws CertError Usage
 */
export function readRenewOptions(arguments_: readonly string[], directory: string): RenewOptions | HelpText {
  const parsed = parse<RawOptions>(renewCommand(), arguments_);
  return 'help' in parsed ? parsed : toOptions(parsed.options, parsed.operands, directory);
}

interface RawOptions {
  readonly caCert?: string;
  readonly caKey?: string;
  readonly days?: number;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly newKey?: boolean;
  readonly backupDir?: string;
  readonly backup: boolean;
  readonly lockTimeout: number;
}

export function renewCommand(): Command {
  return new Command('cert-renew')
    .description('Renew certificates and kubeconfigs with the key of their CA: all of them, or none.')
    .argument('<FILE...>', 'certificates (PEM) and kubeconfigs')
    .option('--ca-cert <path>', 'certificate of the CA that signed them', readPath)
    .option('--ca-key <path>', 'its private key', readPath)
    .option('--days <n>', daysHelp, readDays)
    .option('--new-key', 'make new private keys (default: keep the keys)')
    .option('--dry-run', 'say what would be done, change nothing')
    .option('--json', 'print one JSON object')
    .option('--backup-dir <path>', 'where the old files are kept', readPath)
    .option('--no-backup', 'keep no old files once all is done')
    .addOption(lockTimeoutOption());
}

function toOptions(raw: RawOptions, files: readonly string[], directory: string): RenewOptions {
  if (raw.caCert === undefined) throw usage('--ca-cert is missing: the certificate of the CA that signs');
  if (raw.caKey === undefined) throw usage('--ca-key is missing: the private key of the CA');
  if (raw.backupDir !== undefined && !raw.backup)
    throw usage('--backup-dir and --no-backup exclude each other');
  if (files.includes('')) throw usage('a FILE is empty: perhaps a variable that is not set');
  const absolute = (path: string): string => resolve(directory, path);
  return {
    files: [...new Set(files.map(absolute))],
    caCert: absolute(raw.caCert),
    caKey: absolute(raw.caKey),
    days: raw.days,
    dryRun: raw.dryRun ?? false,
    json: raw.json ?? false,
    newKey: raw.newKey ?? false,
    backupDirectory: raw.backupDir === undefined ? undefined : absolute(raw.backupDir),
    backup: raw.backup,
    lockTimeoutMs: raw.lockTimeout,
  };
}
