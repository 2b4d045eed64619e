// cert-renew FILE…: the same journal and swap for files that a person names, all or none. Nothing is restarted.
import type { Location } from '../catalogue/ids.ts';
import { CertError, describeError } from '../errors.ts';
import type { Certificate } from '../pki/certificate.ts';
import { locationsOf } from './named-file.ts';
import { readMaterial, type Material } from './material.ts';
import { draft, type Draft } from './prepare.ts';
import { isInterrupted, settle, type Settled } from './settle-earlier.ts';
import { swapAll } from './swap-files.ts';
import type { RotationNode, Signer } from './types.ts';
import { certificateFile } from '../catalogue/discover.ts';

export interface RenewOptions {
  readonly keyPolicy: 'new' | 'keep';
  /** Writes nothing; the report says what would be. */
  readonly dryRun?: boolean;
  /** Backups are removed again after success. */
  readonly noBackup?: boolean;
  readonly keepBackups?: number;
  /** Users of a kubeconfig whose certificate this says no to are left alone; all are asked for by default. */
  readonly accepts?: (certificate: Certificate) => boolean;
}

export interface RenewedFile {
  readonly path: string;
  readonly form: Location['form'];
  readonly user?: string;
  readonly old: Certificate;
  readonly new: Certificate;
  /** The private key stayed. */
  readonly keyKept: boolean;
}

export interface RenewReport {
  /**
   * `restored`: something failed after the first write, and every file is as it was. `partly`: something failed, and an
   * earlier rotation's files were changed first, or this call's could not all be put back; the journal waits.
   */
  readonly end: 'done' | 'dry-run' | 'restored' | 'partly';
  /** What failed. */
  readonly message: string;
  /** Empty unless they are (or, in a dry run, would be) renewed. */
  readonly files: readonly RenewedFile[];
  /** Directory with the old files. */
  readonly backup?: string;
  readonly notes: readonly string[];
  /** Certificates that an earlier, interrupted rotation changed and whose readers were not restarted since. */
  readonly restart: readonly string[];
}

/**
 * Renews every certificate of the named files. The caller holds the lock.
 *
 * @param paths absolute: PEM certificates (the key beside it or in it) or kubeconfigs
 * @throws CertError before anything was touched; afterwards every failure is a report
 */
export async function renewFiles(
  node: RotationNode,
  paths: readonly string[],
  signer: Signer,
  options: RenewOptions,
  signal: AbortSignal,
): Promise<RenewReport> {
  const judge = async (): Promise<Draft> => {
    const materials = readAll(node, paths, options.accepts ?? (() => true));
    const order = { facts: { manifests: {} }, origin: 'cli', kubeletRestart: 'always' } as const;
    return await draft(node, { ...order, keyPolicy: options.keyPolicy }, materials, signer, signal);
  };
  // A call that is refused must not cost the agent its rotation: all operands are judged before anything is settled.
  const interrupted = isInterrupted(node);
  const first = await judgeFirst(judge, interrupted && options.dryRun !== true);
  if (options.dryRun === true && first !== undefined) return dryReport(first, interrupted);
  const earlier = settleFirst(node, options);
  if (earlier.stuck !== undefined && !earlier.changed) throw new CertError('JournalForeign', earlier.stuck);
  const { notes, restart } = earlier;
  const failed = (message: string, isRestored: boolean): RenewReport => {
    const end = isRestored && !earlier.changed ? 'restored' : 'partly';
    return { end, message, files: [], notes, restart };
  };
  if (earlier.stuck !== undefined) return failed(earlier.stuck, false);
  const made = first === undefined || earlier.changed ? await judgeAgain(judge) : first;
  if (typeof made === 'string') return failed(made, true);
  const ended = await swapAll(node, made, options, signal);
  if (!ended.done) return failed(ended.message, ended.isRestored);
  const said = { notes: [...notes, ...made.journal.notes, ...ended.problems], restart };
  return { end: 'done', message: '', files: made.renewed.map(reportOf), ...said, ...ended.backup };
}

/** Once settling has begun, its failure is no refusal any more. */
function settleFirst(node: RotationNode, options: RenewOptions): Settled {
  try {
    return settle(node, options.keepBackups);
  } catch (error) {
    const stuck = `what an earlier rotation left could not be settled: ${describeError(error)}`;
    return { notes: [], changed: true, restart: [], stuck };
  }
}

/** Undefined: a key that an interrupted rotation left unfitting is no fault of the operand. */
async function judgeFirst(judge: () => Promise<Draft>, interrupted: boolean): Promise<Draft | undefined> {
  try {
    return await judge();
  } catch (error) {
    if (interrupted && error instanceof CertError && error.code === 'KeyMismatch') return undefined;
    throw error;
  }
}

/** Files that an earlier rotation had changed were brought to one side meanwhile. Result: or why they are refused. */
async function judgeAgain(judge: () => Promise<Draft>): Promise<Draft | string> {
  try {
    return await judge();
  } catch (error) {
    return describeError(error);
  }
}

function dryReport({ renewed, journal }: Draft, interrupted: boolean): RenewReport {
  const note = 'an interrupted rotation lies on this node: its files would be made to fit first';
  const notes = [...(interrupted ? [note] : []), ...journal.notes];
  return { end: 'dry-run', message: 'nothing was written', files: renewed.map(reportOf), notes, restart: [] };
}

function readAll(
  node: RotationNode,
  paths: readonly string[],
  accepts: (certificate: Certificate) => boolean,
): Material[] {
  const seen = new Set<string>();
  return paths.flatMap((path) => {
    const materials = locationsOf(node, path).map((location) =>
      readMaterial(node.files, { id: undefined, location }),
    );
    const ours = materials.filter(({ certificate }) => accepts(certificate));
    // Nothing of it is ours: the signer says so, with the reason.
    return (ours.length === 0 ? materials : ours).filter(({ files, location }) => {
      const user = location.form === 'kubeconfig' ? location.user : '';
      const place = `${files.at(-1)?.path ?? ''} ${user}`;
      if (seen.has(place)) return false;
      seen.add(place);
      return true;
    });
  });
}

function reportOf({ material, signed, keyKept }: Draft['renewed'][number]): RenewedFile {
  const { location, certificate } = material;
  return {
    path: certificateFile(location),
    form: location.form,
    ...(location.form === 'kubeconfig' ? { user: location.user } : {}),
    old: certificate,
    new: signed.certificate,
    keyKept,
  };
}
