// cert-renew FILE…: the same journal and swap for files that a person names, all or none. Nothing is restarted.
import { posix } from 'node:path';
import type { Location } from '../catalogue/ids.ts';
import { CertError } from '../errors.ts';
import { parseKubeconfig, type CredentialSource } from '../formats/kubeconfig.ts';
import { readBundle } from '../formats/pem.ts';
import type { Certificate } from '../pki/certificate.ts';
import { removeFlatDirectory, toBytes, toText } from './bytes.ts';
import { save, type Context } from './context.ts';
import { forget } from './driver.ts';
import { findJournal } from './journal.ts';
import { makePairsFit, setAside, setJournalAside } from './journal-check.ts';
import { readMaterial, type Material } from './material.ts';
import { draft, writeDraft, type Draft } from './prepare.ts';
import { runStage } from './stage.ts';
import { defaultTimeouts, type RotationNode, type Signer } from './types.ts';

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
  /** `restored`: something failed in the swap, and all is as it was; `stuck`: that failed as well. */
  readonly end: 'done' | 'dry-run' | 'restored' | 'stuck';
  readonly message: string;
  readonly files: readonly RenewedFile[];
  /** Directory with the old files. */
  readonly backup?: string;
  readonly notes: readonly string[];
}

/**
 * Renews every certificate of the named files. The caller holds the lock.
 *
 * @param paths absolute: PEM certificates (the key beside it or in it) or kubeconfigs
 * @throws CertError before anything was touched
 */
export async function renewFiles(
  node: RotationNode,
  paths: readonly string[],
  signer: Signer,
  options: RenewOptions,
  signal: AbortSignal,
): Promise<RenewReport> {
  const notes = options.dryRun === true ? [] : settleEarlier(node);
  const materials = readAll(node, paths, options.accepts ?? (() => true));
  const order = { facts: { manifests: {} }, origin: 'cli', kubeletRestart: 'always' } as const;
  const made = await draft(node, { ...order, keyPolicy: options.keyPolicy }, materials, signer, signal);
  const files = made.renewed.map(reportOf);
  const said = { files, notes: [...notes, ...made.journal.notes] };
  if (options.dryRun === true) return { end: 'dry-run', message: 'nothing was written', ...said };
  writeDraft(node, made);
  return await swapAll(node, made, { options, said }, signal);
}

async function swapAll(
  node: RotationNode,
  { journal }: Draft,
  { options, said }: { options: RenewOptions; said: Pick<RenewReport, 'files' | 'notes'> },
  signal: AbortSignal,
): Promise<RenewReport> {
  const context: Context = { node, timeouts: defaultTimeouts, signal, journal };
  save(context, { ...journal, state: 'applying' });
  const [stage] = journal.stages;
  if (stage === undefined) throw new CertError('Usage', 'no certificate was found in the named files');
  const ended = await runStage(context, stage);
  const isStuck = ended.state === 'swapping' || ended.state === 'restoring';
  if (isStuck) return { end: 'stuck', message: ended.failure ?? '', ...said };
  save(context, { ...context.journal, state: 'done' });
  const backup = `${node.layout.backups}/${journal.id}`;
  if (ended.state !== 'proved' || options.noBackup === true) removeFlatDirectory(node.files, backup);
  forget(node, options.keepBackups);
  if (ended.state === 'not-begun') throw new CertError('Conflict', ended.failure ?? 'nothing was changed');
  if (ended.state !== 'proved') return { end: 'restored', message: ended.failure ?? '', ...said };
  return { end: 'done', message: '', ...said, ...(options.noBackup === true ? {} : { backup }) };
}

/**
 * What an interrupted rotation left, of the agent or of this tool, is brought to fit and moved aside: a person who works
 * on the node by hand goes first.
 *
 * @throws CertError JournalForeign when keys and certificates cannot be made to fit
 */
export function settleEarlier(node: RotationNode): string[] {
  const found = findJournal(node.files, node.layout);
  if (found.kind === 'none') return [];
  if (found.kind === 'unreadable')
    return [`a journal was moved to ${setAside(node, found.path)}: ${found.why}`];
  const { journal } = found;
  if (journal.state !== 'applying') {
    forget(node);
    return [];
  }
  const { report, journal: settled } = makePairsFit(node, journal);
  if (report.kind === 'stuck') {
    throw new CertError(
      'JournalForeign',
      `an interrupted rotation left files that do not fit: ${report.messages.join('; ')}; see ${node.layout.backups}/${journal.id}`,
    );
  }
  const did = report.messages.join('; ') || 'its files fit';
  if (settled.origin === 'cli') {
    save(
      { node, timeouts: defaultTimeouts, signal: new AbortController().signal, journal: settled },
      {
        ...settled,
        state: 'done',
      },
    );
    forget(node);
    return [`an interrupted call was finished first: ${did}`];
  }
  return [`an interrupted rotation of the controller was moved to ${setJournalAside(node, settled)}: ${did}`];
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

/** The certificates that a named file holds or leads to. Errors: MalformedPem, Unsupported, NotFound. */
export function locationsOf(node: RotationNode, path: string): Location[] {
  const { files } = node;
  const text = toText(files.read(files.realpath(path)));
  if (text.includes('-----BEGIN ')) return [pemLocation(node, path, text)];
  const config = parseKubeconfig(Buffer.from(text, 'latin1').toString('utf8'), path);
  const locations = config.users.flatMap(({ name, certificate, key }) =>
    userLocation(path, name, certificate, key),
  );
  if (locations.length === 0)
    throw new CertError('Unsupported', `${path} holds no client certificate`, { file: path });
  return locations;
}

function pemLocation(node: RotationNode, path: string, text: string): Location {
  const { certificate, key } = readBundle(toBytes(text));
  if (certificate === undefined) {
    throw new CertError('MalformedPem', `${path} holds no certificate; name the certificate, not the key`, {
      file: path,
    });
  }
  if (certificate.isCa)
    throw new CertError('TargetIsCa', `${path} is a CA; only leaves are renewed`, { file: path });
  if (key !== undefined) return { form: 'combined', path };
  const { dir, name } = posix.parse(path);
  const candidates = [`${dir}/${name}.key`, `${dir}/${name}-key.pem`];
  const keyPath = candidates.find((each) => node.files.stat(each)?.kind === 'file');
  if (keyPath === undefined)
    throw new CertError('NotFound', `the key of ${path} is not beside it (${candidates.join(', ')})`, {
      file: path,
    });
  return { form: 'pair', certPath: path, keyPath };
}

function userLocation(
  path: string,
  user: string,
  certificate: CredentialSource | undefined,
  key: CredentialSource | undefined,
): Location[] {
  if (certificate?.kind === 'data' && key?.kind === 'data') return [{ form: 'kubeconfig', path, user }];
  if (certificate?.kind !== 'file' || key?.kind !== 'file') return [];
  if (certificate.path === key.path) return [{ form: 'combined', path: key.path }];
  return [{ form: 'pair', certPath: certificate.path, keyPath: key.path }];
}

function reportOf({ material, signed, keyKept }: Draft['renewed'][number]): RenewedFile {
  const { location, certificate } = material;
  return {
    path: location.form === 'pair' ? location.certPath : location.path,
    form: location.form,
    ...(location.form === 'kubeconfig' ? { user: location.user } : {}),
    old: certificate,
    new: signed.certificate,
    keyKept,
  };
}
