// cert-renew restore [BACKUP]: the old files back in their places, or a list of what can be put back.
import { posix } from 'node:path';
import process from 'node:process';
import { Command } from 'commander';
import { CertError, describeError } from '../errors.ts';
import { discoverNode } from '../host/discovery.ts';
import { withLock } from '../host/lock.ts';
import { refuseUnsafeDirectory } from '../host/safe-target.ts';
import { listBackups, readBackup, type Backup } from '../rotation/backup-index.ts';
import { judgeBackup, refuseMissing } from '../rotation/judge-backup.ts';
import { describeLocation } from '../rotation/material.ts';
import { restoreBackup, type RestoreReport } from '../rotation/restore-backup.ts';
import type { RotationNode } from '../rotation/types.ts';
import { exitCodes } from './exit-codes.ts';
import { lockTimeoutOption, parse, unlessHelp } from './grammar.ts';
import { localNode } from './local-node.ts';
import { complain, say } from './output.ts';
import { nextLines } from './render.ts';
import type { RuntimeTool } from './restart-advice.ts';
import { runtimeToolOf } from './runtime-tool.ts';
import { rfc3339, shownMoment } from '../pki/time.ts';
import { certificateFile, type Discovery } from '../catalogue/discover.ts';

interface RestoreOptions {
  readonly force?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly lockTimeout: number;
}

export async function run(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  return await unlessHelp(
    parse<RestoreOptions>(command(), arguments_),
    async ({ options, operands: [name] }) => restore(name, options, signal),
  );
}

export const command = (): Command =>
  new Command('cert-renew restore')
    .description('Put the files of a backup back in their places, all or none. Without BACKUP: list them.')
    .argument('[BACKUP]', 'its name, or its directory')
    .option(
      '--force',
      'also certificates that have expired or end within 24 hours, or that no CA of this node signed',
    )
    .option('--dry-run', 'say what would be done, change nothing')
    .option('--json', 'print one JSON object')
    .addOption(lockTimeoutOption())
    .allowExcessArguments(false);

/**
 * Resolves with the exit code.
 *
 * @throws CertError before anything was touched
 */
export async function restore(
  name: string | undefined,
  options: RestoreOptions,
  signal: AbortSignal,
  node: RotationNode = localNode(),
): Promise<number> {
  if (name === undefined) return list(node, options);
  const directory = name.includes('/')
    ? posix.resolve(process.cwd(), name)
    : `${node.layout.backups}/${name}`;
  const work = async (): Promise<RestoreReport> => {
    const backup = readBackup(node.files, directory);
    refuseUnsafeDirectory(node.files, directory, directory);
    if (backup.files.length === 0)
      throw new CertError('NotFound', `${directory} holds no file that is whole`);
    const { force = false, dryRun = false } = options;
    const discovery = discoverNode(node.files);
    return await restoreBackup(node, discovery, backup, { force, dryRun }, signal);
  };
  const lock = { timeoutMs: options.lockTimeout, signal };
  const report = options.dryRun === true ? await work() : await withLock(node.layout.lock, lock, work);
  return tell(report, options, runtimeToolOf(node.files));
}

const exitOf = {
  done: exitCodes.done,
  same: exitCodes.nothingToDo,
  restored: exitCodes.failed,
  partly: exitCodes.partlyDone,
} as const satisfies Record<RestoreReport['end'], number>;

function tell(
  report: RestoreReport,
  { dryRun = false, json = false }: RestoreOptions,
  tool: RuntimeTool,
): number {
  const { end, message, certificates, notes, backup } = report;
  if (end === 'restored' || end === 'partly') {
    const state = end === 'restored' ? 'all files are as they were' : 'run it again';
    complain(`cert-renew: ${message}; ${state}\n`);
    return exitOf[end];
  }
  const paths = certificates.map(({ location }) => certificateFile(location));
  if (json) {
    const files = certificates.map(({ location, certificate }) => ({
      path: certificateFile(location),
      serial: certificate.serial,
      notAfter: rfc3339(certificate.notAfter),
    }));
    say(`${JSON.stringify({ schema: 1, dryRun, end, files, notes, backup: backup ?? null })}\n`);
    return exitOf[end];
  }
  const verb = { done: dryRun ? 'would be put back' : 'put back', same: 'is there already' }[end];
  const lines = certificates.map(
    ({ location, certificate }) =>
      `${describeLocation(location)}: ${verb}, serial ${certificate.serial}, expires ${rfc3339(certificate.notAfter)}`,
  );
  lines.push(...notes.map((note) => `note: ${note}`));
  if (backup !== undefined) lines.push(`what lay there until now: ${backup}`);
  if (end === 'done') lines.push(...nextLines(paths, tool));
  say(`${lines.join('\n')}\n`);
  return exitOf[end];
}

function list(node: RotationNode, { json = false }: RestoreOptions): number {
  const backups = listBackups(node.files, node.layout);
  const discovery = discoverNode(node.files);
  const rows = backups.map((backup) => ({
    name: posix.basename(backup.directory),
    createdAt: shownMoment(backup.createdAt),
    files: backup.files.map(({ path }) => path),
    problem: problemOf(node, discovery, backup),
  }));
  say(json ? `${JSON.stringify({ schema: 1, backups: rows })}\n` : listText(rows, node.layout.backups));
  return exitCodes.done;
}

/** Why it would be refused; empty when it would not be. */
function problemOf(node: RotationNode, discovery: Discovery, backup: Backup): string {
  try {
    const { doubts } = judgeBackup(node, discovery, backup);
    if (doubts.length === 0) refuseMissing(node.files, backup);
    return doubts.join('; ');
  } catch (error) {
    if (error instanceof CertError) return describeError(error);
    throw error;
  }
}

interface ListRow {
  readonly name: string;
  readonly createdAt: string;
  readonly files: readonly string[];
  readonly problem: string;
}

function listText(rows: readonly ListRow[], directory: string): string {
  if (rows.length === 0) return `no backup that can be put back lies in ${directory}\n`;
  const lines = rows.flatMap(({ name, createdAt, files, problem }) => [
    `${name}  taken ${createdAt}${problem === '' ? '' : `  (${problem})`}`,
    ...files.map((path) => `  ${path}`),
  ]);
  return `${lines.join('\n')}\n`;
}
