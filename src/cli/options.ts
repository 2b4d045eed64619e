// The grammar of `cert-renew --ca-cert … FILE…`, the manual's own command, as a value.
import { resolve } from 'node:path';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { CertError } from '../errors.ts';

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

/** Text to print and be done with: help that was asked for. */
export interface HelpText {
  readonly help: string;
}

/**
 * Reads the arguments after the program's name. Every operand is a FILE, whatever its name.
 *
 * @throws CertError Usage
 */
export function readRenewOptions(arguments_: readonly string[], directory: string): RenewOptions | HelpText {
  const output: string[] = [];
  const command = renewCommand()
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.push(text), writeErr: (text) => output.push(text) });
  try {
    command.parse(arguments_, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === 'commander.helpDisplayed') return { help: output.join('') };
    throw usage(error.message.replace(/^error: /, ''));
  }
  return toOptions(command.opts<RawOptions>(), command.args, directory);
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

/** Shared with the program's help. */
export function renewCommand(): Command {
  return new Command('cert-renew')
    .description('Renew certificates and kubeconfigs with the key of their CA: all of them, or none.')
    .argument('<FILE...>', 'certificates (PEM) and kubeconfigs')
    .option('--ca-cert <path>', 'certificate of the CA that signed them')
    .option('--ca-key <path>', 'its private key')
    .option('--days <n>', 'lifetime, 1 to 36500 (default: 91 for kubelet files, 365 for others)', readDays)
    .option('--new-key', 'make new private keys (default: keep the keys)')
    .option('--dry-run', 'say what would be done, change nothing')
    .option('--json', 'print one JSON object')
    .option('--backup-dir <path>', 'where the old files are kept')
    .option('--no-backup', 'keep no old files once all is done')
    .addOption(
      new Option('--lock-timeout <duration>', 'how long to wait for another rotation: 30, 30s, 5m, 1h')
        .argParser(readDuration)
        .default(30_000, '30s'),
    );
}

function toOptions(raw: RawOptions, files: readonly string[], directory: string): RenewOptions {
  if (raw.caCert === undefined) throw usage('--ca-cert is missing: the certificate of the CA that signs');
  if (raw.caKey === undefined) throw usage('--ca-key is missing: the private key of the CA');
  if (raw.backupDir !== undefined && !raw.backup)
    throw usage('--backup-dir and --no-backup exclude each other');
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

function readDays(text: string): number {
  const days = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (days < 1 || days > 36_500) throw new InvalidArgumentError('It must be a whole number from 1 to 36500.');
  return days;
}

const units: Readonly<Record<string, number>> = { '': 1000, s: 1000, m: 60_000, h: 3_600_000 };

function readDuration(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,5})([smh]?)$/.exec(text) ?? [];
  if (number === '') throw new InvalidArgumentError('It must be like 30, 30s, 5m or 1h.');
  return Number(number) * (units[unit] ?? 0);
}

function usage(message: string): CertError {
  // One line: it is what a script logs.
  const line = message
    .trim()
    .replaceAll(/\s*\n\s*/g, ' ')
    .replace(/\.$/, '');
  return new CertError('Usage', `${line}; see cert-renew --help`);
}
