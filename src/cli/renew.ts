// cert-renew --ca-cert P --ca-key P --days N FILE…: all of the named files, or none.
import process from 'node:process';
import type { HostLayout } from '../host/layout.ts';
import { hostLayout } from '../host/layout.ts';
import { withLock } from '../host/lock.ts';
import { refuseUnsafeDirectory } from '../host/safe-target.ts';
import type { Certificate } from '../pki/certificate.ts';
import { isSignedBy } from '../pki/verify.ts';
import { backupsKept, forget } from '../rotation/driver.ts';
import type { LocalCa } from '../rotation/local-signer.ts';
import { localSigner } from '../rotation/local-signer.ts';
import type { RenewReport } from '../rotation/renew-files.ts';
import { renewFiles } from '../rotation/renew-files.ts';
import type { RotationNode } from '../rotation/types.ts';
import { exitCodes } from './exit-codes.ts';
import { defaultDays, readLocalCa } from './local-ca.ts';
import { localNode } from './local-node.ts';
import type { RenewOptions } from './options.ts';
import { renderJson, renderText } from './render.ts';

const dayMs = 86_400_000;

/**
 * Renews, prints what was done, and resolves with the exit code.
 *
 * @throws CertError before anything was touched
 */
export async function renew(options: RenewOptions, signal: AbortSignal): Promise<number> {
  const layout = layoutOf(options);
  const node = localNode(layout);
  if (options.backupDirectory !== undefined && node.files.stat(options.backupDirectory) !== undefined) {
    refuseUnsafeDirectory(node.files, options.backupDirectory, options.backupDirectory);
  }
  const ca = readLocalCa(node.files, options.caCert, options.caKey);
  const work = (): Promise<Work> => renewAll(node, ca, options, signal);
  const lock = { timeoutMs: options.lockTimeoutMs, signal };
  const { report, leftAlone } = options.dryRun ? await work() : await withLock(layout.lock, lock, work);
  return tell(report, leftAlone, ca.certificate, options);
}

function layoutOf({ backupDirectory }: RenewOptions): HostLayout {
  const layout = hostLayout();
  return backupDirectory === undefined ? layout : { ...layout, backups: backupDirectory };
}

interface Work {
  readonly report: RenewReport;
  /** Users of kubeconfigs that another CA signed. */
  readonly leftAlone: readonly string[];
}

async function renewAll(
  node: RotationNode,
  ca: LocalCa,
  options: RenewOptions,
  signal: AbortSignal,
): Promise<Work> {
  const leftAlone: string[] = [];
  const accepts = (certificate: Certificate): boolean => {
    const ours = isSignedBy(certificate, ca.certificate);
    if (!ours)
      leftAlone.push(`${certificate.subject.text}, signed by ${certificate.issuer.text}, is left as it is`);
    return ours;
  };
  const signer = localSigner([ca], {
    lifetimeMs: ({ path }) => (options.days ?? defaultDays(path)) * dayMs,
    now: node.now,
  });
  const settings = {
    keyPolicy: options.newKey ? 'new' : 'keep',
    dryRun: options.dryRun,
    noBackup: !options.backup,
    accepts,
    // A directory that a person chose may hold other things: nothing of it is tidied up.
    keepBackups: options.backupDirectory === undefined ? backupsKept : Number.POSITIVE_INFINITY,
  } as const;
  try {
    const report = await renewFiles(node, options.files, signer, settings, signal);
    return { report, leftAlone };
  } catch (error) {
    // What was laid into the host directory before it was refused is of no use to anybody.
    if (!options.dryRun) forget(node, settings.keepBackups);
    throw error;
  }
}

function tell(
  report: RenewReport,
  leftAlone: readonly string[],
  ca: Certificate,
  options: RenewOptions,
): number {
  if (report.end === 'restored' || report.end === 'stuck') {
    const state =
      report.end === 'restored' ? 'all files are as they were' : 'run it again: files may not fit';
    process.stderr.write(`cert-renew: ${report.message}; ${state}\n`);
    return exitCodes.failed;
  }
  const print = options.json ? renderJson : renderText;
  const text = print({
    dryRun: report.end === 'dry-run',
    certificates: report.files.map((file) => ({
      path: file.path,
      ...(file.user === undefined ? {} : { user: file.user }),
      old: file.old,
      renewed: report.end === 'dry-run' ? undefined : file.new,
      notAfter: file.new.notAfter,
      clamped: file.new.notAfter.getTime() === ca.notAfter.getTime(),
      newKey: !file.keyKept,
    })),
    notes: [...report.notes, ...leftAlone],
    backup: report.backup,
  });
  process.stdout.write(text);
  return exitCodes.done;
}
