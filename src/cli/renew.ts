// cert-renew --ca-cert P --ca-key P --days N FILE…: all of the named files, or none.
import process from 'node:process';
import type { Component } from '../catalogue/ids.ts';
import type { HostLayout } from '../host/layout.ts';
import { withLock } from '../host/lock.ts';
import type { Certificate } from '../pki/certificate.ts';
import { isSignedBy } from '../pki/verify.ts';
import { backupsKept } from '../rotation/driver.ts';
import type { LocalCa } from '../rotation/local-signer.ts';
import { localSigner } from '../rotation/local-signer.ts';
import type { RenewReport } from '../rotation/renew-files.ts';
import { renewFiles } from '../rotation/renew-files.ts';
import type { RotationNode } from '../rotation/types.ts';
import { checkBackupDirectory } from './backup-directory.ts';
import { exitCodes } from './exit-codes.ts';
import { usersOf } from './file-users.ts';
import { complain, say } from './output.ts';
import { unlessHelp } from './grammar.ts';
import { defaultDays, readLocalCas } from './local-ca.ts';
import { localNode } from './local-node.ts';
import type { RenewOptions } from './options.ts';
import { readRenewOptions, renewCommand } from './options.ts';
import { nextLines, renderJson, renderText } from './render.ts';
import type { RuntimeTool } from './restart-advice.ts';
import { runtimeToolOf } from './runtime-tool.ts';

export const command = renewCommand;

const dayMs = 86_400_000;

export async function run(arguments_: readonly string[], signal: AbortSignal): Promise<number> {
  return await unlessHelp(readRenewOptions(arguments_, process.cwd()), async (options) =>
    renew(options, signal),
  );
}

/**
 * Renews, prints what was done, and resolves with the exit code.
 *
 * @throws CertError before anything was touched
 */
export async function renew(
  options: RenewOptions,
  signal: AbortSignal,
  home: RotationNode = localNode(),
): Promise<number> {
  const node = { ...home, layout: layoutOf(home, options) };
  if (options.backupDirectory !== undefined) checkBackupDirectory(home, options.backupDirectory);
  const cas = readLocalCas(node.files, options.caCert, options.caKey, node.now());
  const work = (): Promise<Work> => renewAll(node, cas, options, signal);
  const lock = { timeoutMs: options.lockTimeoutMs, signal };
  const { report, leftAlone } = options.dryRun ? await work() : await withLock(node.layout.lock, lock, work);
  return tell(report, [...leftAlone, ...endsSoon(cas, options.caCert, node.now())], {
    cas,
    json: options.json,
    users: usersOf(node.files, [...report.files.map(({ path }) => path), ...report.restart]),
    tool: runtimeToolOf(node.files),
  });
}

const soonMs = 30 * dayMs;

/** Nothing that it signs lives longer, and no renewal of ours helps. */
function endsSoon([{ certificate }]: readonly [LocalCa, ...LocalCa[]], path: string, now: Date): string[] {
  const left = certificate.notAfter.getTime() - now.getTime();
  if (left > soonMs) return [];
  const hours = Math.floor(left / 3_600_000);
  const time = hours < 48 ? `${hours} hours` : `${Math.floor(hours / 24)} days`;
  return [
    `the CA ${path} itself ends in ${time}, and all that it signed with it: replace the CA before that`,
  ];
}

function layoutOf({ layout }: RotationNode, { backupDirectory }: RenewOptions): HostLayout {
  return backupDirectory === undefined ? layout : { ...layout, backups: backupDirectory };
}

interface Work {
  readonly report: RenewReport;
  /** Users of kubeconfigs that another CA signed. */
  readonly leftAlone: readonly string[];
}

async function renewAll(
  node: RotationNode,
  cas: readonly LocalCa[],
  options: RenewOptions,
  signal: AbortSignal,
): Promise<Work> {
  const leftAlone = new Set<string>();
  const accepts = (certificate: Certificate): boolean => {
    const ours = cas.some((ca) => isSignedBy(certificate, ca.certificate));
    if (!ours)
      leftAlone.add(`${certificate.subject.text}, signed by ${certificate.issuer.text}, is left as it is`);
    return ours;
  };
  const signer = localSigner(cas, {
    lifetimeMs: ({ path }) => (options.days ?? defaultDays(path)) * dayMs,
    now: node.now,
    keysAreOurs: true,
  });
  const settings = {
    keyPolicy: options.newKey ? 'new' : 'keep',
    dryRun: options.dryRun,
    noBackup: !options.backup,
    accepts,
    // A directory that a person chose may hold other things: nothing of it is tidied up.
    keepBackups: options.backupDirectory === undefined ? backupsKept : Number.POSITIVE_INFINITY,
  } as const;
  const report = await renewFiles(node, options.files, signer, settings, signal);
  return { report, leftAlone: [...leftAlone] };
}

const exitCodeOf = {
  done: exitCodes.done,
  'dry-run': exitCodes.done,
  restored: exitCodes.failed,
  partly: exitCodes.partlyDone,
} as const satisfies Record<RenewReport['end'], number>;

interface Telling {
  readonly cas: readonly LocalCa[];
  readonly json: boolean;
  readonly users: ReadonlyMap<string, Component>;
  readonly tool: RuntimeTool;
}

function tell(report: RenewReport, more: readonly string[], { cas, json, users, tool }: Telling): number {
  if (report.end === 'restored' || report.end === 'partly') {
    const state = report.end === 'restored' ? 'all files are as they were' : 'run it again';
    const lines = [...report.notes.map((note) => `note: ${note}`), ...nextLines(report.restart, tool, users)];
    complain([`cert-renew: ${report.message}; ${state}`, ...lines, ''].join('\n'));
    return exitCodeOf[report.end];
  }
  const print = json ? renderJson : renderText;
  const text = print({
    dryRun: report.end === 'dry-run',
    certificates: report.files.map((file) => ({
      path: file.path,
      ...(file.user === undefined ? {} : { user: file.user }),
      old: file.old,
      renewed: report.end === 'dry-run' ? undefined : file.new,
      notAfter: file.new.notAfter,
      clamped: cas.some(({ certificate }) => certificate.notAfter.getTime() === file.new.notAfter.getTime()),
      newKey: !file.keyKept,
    })),
    notes: [...report.notes, ...more],
    backup: report.backup,
    restart: report.restart,
    users,
    tool,
  });
  say(text);
  return exitCodeOf[report.end];
}
